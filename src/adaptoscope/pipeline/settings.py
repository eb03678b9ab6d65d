"""Settings of an experiment: one file says everything from the images to the table."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from adaptoscope.counting.settings import DensitySettings, RegressorSettings
from adaptoscope.errors import SettingsError
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.style_transfer.realism.set_distances import RealismSettings
from adaptoscope.style_transfer.settings import ScreeningSettings, StylisationSettings
from adaptoscope.style_transfer.tokens.settings import DensityRule, TokenSettings
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.settings import Settings
from adaptoscope.training.variables import expand_path

SLUG = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
"""What names of experiments look like: they are folders."""

Synthetic = Literal[
    "drawings", "stylised", "adain", "percentiles", "histogram", "blur_noise", "simulation"
]
"""Images to train on: drawings; drawings stylised, by AdaIN without diffusion, or matched to real
images without learning; simulated fields that follow the real images."""

FOLDERS: dict[Synthetic, str] = {
    "drawings": "drawings",
    "stylised": "stylised",
    "adain": "stylised_adain",
    "percentiles": "matched_percentiles",
    "histogram": "matched_histogram",
    "blur_noise": "matched_blur_noise",
    "simulation": "simulation",
}
"""Where they stand in a run folder."""

NAMES: dict[Synthetic, str] = {
    "drawings": "Syn-HC drawings",
    "stylised": "Stylised (AdaIN and diffusion)",
    "adain": "AdaIN without diffusion",
    "percentiles": "Percentile normalisation",
    "histogram": "Histogram matching",
    "blur_noise": "Blur and noise matched",
    "simulation": "Simulation of the same cells",
}
"""What reports call them."""


class RealFolder(Settings):
    """Real images in a folder."""

    kind: Literal["folder"] = "folder"
    folder: str
    """A counted-image folder with splits. A leading `$ADAPTOSCOPE_DATA` is replaced by that
    variable; other paths count from the working directory."""
    root: str | None = None
    """A further folder that listed images may lie in."""
    channel: int | None = None
    """Which channel, where images have several."""
    z: int | Literal["max"] | None = None
    """Which focal plane, where images are stacks."""

    def path(self) -> Path:
        """Return the folder with the variable replaced.

        Raises
        ------
        SettingsError
            If the variable is used but not set.
        """
        return expand_path(self.folder)


class RealSimulated(Settings):
    """An invented microscope in the place of real images."""

    kind: Literal["simulated"] = "simulated"
    simulation: SimulationSettings = SimulationSettings()
    """Specimen and microscope."""
    images: int = Field(default=40, ge=6)
    """Number of fields."""
    fractions: dict[str, float] = Field(default={"train": 0.4, "val": 0.2, "test": 0.4})
    """Shares of the splits, adding up to 1."""
    seed: int = Field(default=0, ge=0)
    """Seed of the fields."""


class DensityClasses(Settings):
    """Classes of cell density, low, medium and high, that real images are divided into."""

    measure: Literal["count", "cells_per_mpx"] = "cells_per_mpx"
    """Cells in the whole image (paper 1), or cells per million pixels."""
    limits: tuple[float, float] | None = None
    """Where `medium` and `high` begin. None: 100 and 200 cells in 600 x 800 pixels (paper 1)."""
    source: Literal["measured", "labels"] = "measured"
    """Count cells by segmentation, without labels, or take the labels."""

    def rule(self, per_class: int | None = None, seed: int = 0) -> DensityRule:
        """Return them as style transfer takes them.

        Parameters
        ----------
        per_class
            Images of each class that are used, drawn with `seed`; None: all.
        seed
            Seed of that draw.
        """
        return DensityRule(**self.model_dump(), per_class=per_class, seed=seed)

    @model_validator(mode="after")
    def _check_limits(self) -> "DensityClasses":
        self.rule()
        return self


class DrawingSettings(Settings):
    """The drawings (Syn-HC)."""

    images: int = Field(default=160, ge=1)
    """Number of drawings."""
    like_real: bool = True
    """Measure cell size, density, intensity and background on the real training images, without
    their labels, and draw accordingly; otherwise the paper's constants hold."""
    settings: SynthesisSettings = SynthesisSettings()
    """Algorithm 1; measured values replace those given here where `like_real` is set."""


class StyleSettings(Settings):
    """Where the look comes from."""

    backbone: str = "compact"
    """Bundled backbone, a folder written by `style train-backbone`, or a YAML file of
    StableDiffusionSettings; paths count from the working directory."""
    images: str | None = None
    """Folder of style images; by default the training split of the real images."""
    limit: int | None = Field(default=24, ge=1)
    """Use at most this many of them, drawn with the experiment's first seed."""


class Row(Settings):
    """One line of the result table."""

    name: str = Field(min_length=1)
    """As the table shows it."""
    method: Literal["constant", "otsu_watershed", "dog", "regressor", "centres", "fcrn_a"]
    """What counts: a simple counter, or the head of a network."""
    init: str | None = None
    """Where a network starts."""
    synthetic: Synthetic | None = None
    """Images that a network is trained on besides; none trains on real images only."""
    regime: Literal["fine_tuned", "dual", "dacs"] = "fine_tuned"
    """How synthetic and labelled real images come together."""
    real_labels: bool = True
    """Train on labelled real images after that; otherwise the synthetic ones are all it sees."""
    steps: int | None = Field(default=None, ge=1)
    """Steps on real images, or on synthetic ones where they are all, in place of `counting`'s."""

    @model_validator(mode="after")
    def _only_networks_learn(self) -> "Row":
        if not self.learns and (self.init or self.synthetic or self.steps):
            raise ValueError("init, synthetic and steps are only for methods that are networks")
        if self.regime != "fine_tuned" and not (self.synthetic and self.real_labels):
            raise ValueError("regime is only for rows with synthetic images and real labels")
        if not (self.real_labels or self.synthetic):
            raise ValueError("without real labels a row needs synthetic images")
        return self

    @property
    def learns(self) -> bool:
        """Whether a network is trained, once with every seed."""
        return self.method in ("regressor", "centres", "fcrn_a")

    @property
    def slug(self) -> str:
        """The name as a file name."""
        return slug_of(self.name)


class ExperimentSettings(Settings):
    """A counting experiment from images to report."""

    kind: Literal["counting"] = "counting"
    """Tells the kinds of experiments apart."""
    name: str = Field(pattern=SLUG)
    """Name of the experiment; its run folder is `runs/NAME` unless another is given."""
    title: str
    """Head of the report."""
    real: Annotated[RealFolder | RealSimulated, Field(discriminator="kind")]
    """The real images: split `train` teaches, `val` calibrates, `test` is reported once."""
    drawings: DrawingSettings = DrawingSettings()
    """Stage 1."""
    style: StyleSettings = StyleSettings()
    """Stage 2: whose look."""
    tokens: TokenSettings | None = None
    """Stage 2: train the style's tokens so; none takes them as they are read off the images."""
    density: DensityClasses | None = None
    """Stage 2: train tokens for each of these classes apart (paper 1); `style.limit` then holds for
    each class. None trains one set for all images."""
    stylisation: StylisationSettings = StylisationSettings()
    """Stage 2: how it is given."""
    adain_control: bool = True
    """Also stylise by AdaIN without diffusion, and screen the result beside."""
    screening: ScreeningSettings = ScreeningSettings()
    """Stage 2: what is kept."""
    looks: RealismSettings | None = None
    """Also measure how near the synthetic images of the rows come to the real test images, and
    whether their cells are where they were drawn; none leaves it out."""
    counting: RegressorSettings = RegressorSettings()
    """Stage 3: how regressors are trained; `init`, `regime` and `seed` come from rows and seeds."""
    spatial: DensitySettings = DensitySettings()
    """Stage 3: how networks are trained that say where cells are, `centres` and `fcrn_a`."""
    pretrain_steps: int = Field(default=100, ge=1)
    """Steps on synthetic images in rows that have them."""
    rows: tuple[Row, ...] = Field(min_length=1)
    """The table, from top to bottom."""
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    """Each regressor is trained once with each."""
    published: str = ""
    """Figures of a paper to show apart from the table, in words."""

    @model_validator(mode="after")
    def _names_differ(self) -> "ExperimentSettings":
        slugs = [row.slug for row in self.rows]
        if len(set(slugs)) < len(slugs) or not all(slugs):
            raise ValueError("rows need different names with letters or digits in them")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds must differ from one another")
        if self.density is not None and self.tokens is None:
            raise ValueError("density is only for trained tokens: give `tokens` too")
        return self

    @property
    def imitates(self) -> bool:
        """Whether a row is trained on images that take after the style images."""
        return any(row.synthetic not in (None, "drawings", "simulation") for row in self.rows)

    def labels_choose_style(self, row: Row) -> bool:
        """Whether counts of the real training images decide which style a row's images get."""
        by_labels = self.density is not None and self.density.source == "labels"
        stylised = row.synthetic in ("stylised", "adain")
        return by_labels and stylised and self.style.images is None

    def needs(self, *synthetic: Synthetic) -> bool:
        """Tell whether a row is trained on one of these kinds of synthetic images."""
        return any(row.synthetic in synthetic for row in self.rows)


def check_changes(name: str, base: StylisationSettings, changes: dict[str, Any]) -> None:
    """Raise ValueError, in words for a person, if changes do not make stylisation settings.

    Parameters
    ----------
    name
        Whose changes they are.
    base
        What is changed.
    changes
        From field to value.
    """
    try:
        base.changed(**changes)
    except SettingsError as error:
        raise ValueError(f"the changes of {name} cannot be used: {error.found}") from error


def slug_of(name: str) -> str:
    """Return a name as a file name: lower case, with hyphens between the words."""
    kept = [letter if letter.isalnum() else "-" for letter in name.lower()]
    return "-".join(part for part in "".join(kept).split("-") if part)
