"""Settings of a data set for release."""

from typing import Annotated, Literal

from pydantic import Field

from adaptoscope.pipeline.rows import SLUG
from adaptoscope.pipeline.settings import (
    DensityClasses,
    RealFolder,
    RealSimulated,
    StyleSettings,
)
from adaptoscope.style_transfer.settings import ScreeningSettings, StylisationSettings
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.settings import Settings

PARTS = ("report.html", "results.json", "results.md", "dataset", "low", "medium", "high")


class ReleaseSettings(Settings):
    """Drawings in the style of each density class; what passes the screen is packed."""

    kind: Literal["release"]
    """Tells the kinds of experiments apart."""
    name: str = Field(pattern=SLUG)
    """Name of the experiment; its run folder is `runs/NAME` unless another is given."""
    title: str
    """Name of the data set."""
    real: Annotated[RealFolder | RealSimulated, Field(discriminator="kind")]
    """The real images: only split `train` is looked at, without labels."""
    real_source: str = ""
    """Where the real images come from and under which licence, for the card."""
    licence: str = Field(default="unknown", pattern=r"^[a-z0-9.-]+$")
    """Licence of the data set, as Hugging Face names it; yours to choose, as far as the terms of
    the real images allow."""
    images: int = Field(default=1000, ge=3)
    """Number of drawings, shared among the density classes as the real images are."""
    drawings: SynthesisSettings = SynthesisSettings()
    """Algorithm 1; measured values replace those given here."""
    style: StyleSettings = StyleSettings()
    """Whose look; `limit` holds for each class."""
    tokens: TokenSettings | None = None
    """Train the tokens of each class so; none takes them as they are read off the images."""
    stylisation: StylisationSettings = StylisationSettings()
    """How the look is given."""
    screening: ScreeningSettings = ScreeningSettings()
    """What is kept."""
    density: DensityClasses = DensityClasses()
    """The density classes."""
    seed: int = Field(default=0, ge=0)
    """Seed of drawings and style images."""
