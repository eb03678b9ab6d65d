"""Settings of the figures of paper 1."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from adaptoscope.pipeline.rows import SLUG
from adaptoscope.pipeline.settings import (
    DensityClasses,
    RealFolder,
    RealSimulated,
    StyleSettings,
    check_changes,
)
from adaptoscope.style_transfer.settings import ScreeningSettings, StylisationSettings
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.settings import Settings

PARTS = (
    "report.html",
    "results.json",
    "results.md",
    "figure_2.png",
    "figure_3.png",
    "figure_4.png",
    "figure_2",
    "figure_3",
    "figure_4",
    "table_1",
    "style.safetensors",
    "style",
    "alike.yaml",
)


class PaperFigureSettings(Settings):
    """Figures 2, 3 and 4 and Table I of paper 1."""

    kind: Literal["paper_figures"]
    """Tells the kinds of experiments apart."""
    name: str = Field(pattern=SLUG)
    """Name of the experiment; its run folder is `runs/NAME` unless another is given."""
    title: str
    """Head of the report."""
    real: Annotated[RealFolder | RealSimulated, Field(discriminator="kind")]
    """The real images: split `train` gives the look."""
    style: StyleSettings = StyleSettings()
    """Whose look; `limit` holds for each density class."""
    tokens: TokenSettings | None = None
    """Train tokens so, for each class of `density` apart (paper 1), for figures 2 to 4; none takes
    them as they are read off the images."""
    stylisation: StylisationSettings = StylisationSettings()
    """How it is given."""
    screening: ScreeningSettings = ScreeningSettings()
    """What is kept."""
    density: DensityClasses = DensityClasses()
    """Density classes of figure 2, and of trained tokens."""
    drawings: SynthesisSettings = SynthesisSettings()
    """Algorithm 1 for all figures; measured values replace those given here for figures 2 to 4."""
    pairs: int = Field(default=3, ge=1, le=8)
    """Figure 2: drawings and stylised images of each class."""
    first_cells: int = Field(default=6, ge=1)
    """Figure 3: cells in the first step."""
    steps: int = Field(default=14, ge=2, le=40)
    """Figure 3: steps, each with one cell more."""
    failing: tuple[dict[str, Any], ...] = Field(
        default=(
            {"adain": "whole", "use_layout": False, "strength": 0.9},
            {"adain": "none", "use_layout": False, "strength": 0.5},
        ),
        min_length=1,
    )
    """Figure 4: changes to `stylisation` that are known to fail."""
    attempts: int = Field(default=48, ge=1)
    """Figure 4: drawings stylised in each of these ways, and with the defaults."""
    table_images: int = Field(default=618, ge=1)
    """Table I: drawings (paper: 618)."""
    published: str = ""
    """Figures of the paper to show apart from ours, in words."""
    seed: int = Field(default=0, ge=0)
    """Seed of drawings and style images."""

    @model_validator(mode="after")
    def _check_failing(self) -> "PaperFigureSettings":
        for changes in self.failing:
            check_changes("failing", self.stylisation, changes)
        return self
