"""Settings of an experiment: one file says everything from the images to the table."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from adaptoscope.counting.heads.table import trained_kind
from adaptoscope.counting.settings import (
    CountingSettings,
    DensitySettings,
    RegressorSettings,
)
from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.protocols import AnyProtocol, SplitProtocol
from adaptoscope.pipeline.rows import FOLDERS, SLUG, Row
from adaptoscope.realism.settings import RealismSettings
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.style_transfer.settings import ScreeningSettings, StylisationSettings
from adaptoscope.style_transfer.style_tokens.settings import DensityRule, TokenSettings
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.path_variables import expand_path
from adaptoscope.training.settings import Settings

PARTS = (
    "report.html",
    "results.json",
    "results.md",
    "looks.json",
    "folds",
    "others",
    "matched_percentiles",
    "matched_histogram",
    "matched_blur_noise",
    "simulation",
    "simulation.yaml",
    "counts",
    "models",
    "stylised_screening.json",
    f"{FOLDERS['adain']}_screening.json",
    "stylised",
    FOLDERS["adain"],
    "style.safetensors",
    "style",
    "drawings",
)
"""What the stages leave in a run folder, besides simulated images, which look after themselves."""


class RealFolder(Settings):
    """Real images in a folder."""

    kind: Literal["folder"] = "folder"
    """Tells the origins apart."""
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
        """Return the folder with the variable replaced."""
        return expand_path(self.folder)


class RealSimulated(Settings):
    """An invented microscope in the place of real images."""

    kind: Literal["simulated"] = "simulated"
    """Tells the origins apart."""
    simulation: SimulationSettings = SimulationSettings()
    """Specimen and microscope."""
    images: int = Field(default=40, ge=6)
    """Number of fields."""
    fractions: dict[str, float] = Field(default={"train": 0.4, "val": 0.2, "test": 0.4})
    """Shares of the splits, adding up to 1."""
    seed: int = Field(default=0, ge=0)
    """Seed of the fields."""


class OtherFolder(RealFolder):
    """Synthetic images in a folder; where it has splits, those of `train` are used."""


class OtherSimulated(Settings):
    """Synthetic images of the invented microscope, whatever the real ones look like."""

    kind: Literal["simulated"]
    """Tells the origins apart."""
    simulation: SimulationSettings = SimulationSettings()
    """Specimen and microscope."""
    images: int = Field(default=100, ge=1)
    """Number of fields."""
    seed: int = Field(default=0, ge=0)
    """Seed of the fields."""


OtherImages = Annotated[OtherFolder | OtherSimulated, Field(discriminator="kind")]


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


class ExperimentSettings(Settings):
    """A counting experiment from images to report."""

    kind: Literal["counting"] = "counting"
    """Tells the kinds of experiments apart."""
    name: str = Field(pattern=SLUG)
    """Name of the experiment; its run folder is `runs/NAME` unless another is given."""
    title: str
    """Head of the report."""
    real: Annotated[RealFolder | RealSimulated, Field(discriminator="kind")]
    """The real images."""
    protocol: AnyProtocol = SplitProtocol()
    """Which of them are learnt from and which are counted: `kind: split`, `folds` or `authors`."""
    others: dict[Annotated[str, Field(pattern=SLUG)], OtherImages] = Field(default_factory=dict)
    """Further synthetic images, of another simulator, that rows can name."""
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
    """Steps on synthetic images in rows that begin with them (`fine_tuned`)."""
    total_steps: int | None = Field(default=None, ge=1)
    """Optimiser steps of every network in all, those of `pretrain_steps` included; in place of
    `steps` of rows, `counting` and `spatial`."""
    rows: tuple[Row, ...] = Field(min_length=1)
    """The table, from top to bottom."""
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    """Each network is trained once with each."""
    against: str | None = None
    """Name of a row that every other one is compared with, image by image."""
    published: str = ""
    """Figures of a paper to show apart from the table, in words."""

    @model_validator(mode="after")
    def _names_fit(self) -> "ExperimentSettings":
        slugs = [row.slug for row in self.rows]
        if len(set(slugs)) < len(slugs) or not all(slugs):
            raise ValueError("rows need different names with letters or digits in them")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds must differ from one another")
        if self.against is not None and self.against not in {row.name for row in self.rows}:
            raise ValueError(f"against: there is no row {self.against}")
        if taken := sorted(set(self.others) & set(FOLDERS)):
            raise ValueError(f"others: {taken[0]} is a kind that the experiment makes")
        known = {*FOLDERS, *self.others}
        for row in self.rows:
            if row.synthetic is not None and row.synthetic not in known:
                raise ValueError(
                    f"row {row.name}: synthetic is one of {', '.join(sorted(known))}, "
                    f"not {row.synthetic}"
                )
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> "ExperimentSettings":
        if self.density is not None and self.tokens is None:
            raise ValueError("density is only for trained tokens: give `tokens` too")
        if self.looks is not None and self.protocol.kind == "folds":
            raise ValueError("looks needs one set of test images: leave it out with folds")
        for row in self.rows:
            if row.steps is not None and self.total_steps is not None:
                raise ValueError(f"row {row.name}: steps contradicts total_steps; give one of them")
            if row.learns:
                self._check_training(row)
        if self.total_steps is not None and (self.counting.epochs or self.spatial.epochs):
            raise ValueError("total_steps contradicts epochs; give one of them")
        return self

    def _check_training(self, row: Row) -> None:
        try:
            self.training_of(row, self.seeds[0])
        except SettingsError as error:
            raise ValueError(f"row {row.name} cannot be trained: {error.found}") from error

    def training_of(self, row: Row, seed: int) -> CountingSettings:
        """Return how a row's network is trained: as the experiment says, with the row's changes.

        Parameters
        ----------
        row
            A row that learns.
        """
        both = row.synthetic is not None and (row.uses_labels or row.mode == "teacher")
        regime = row.regime if both else "supervised"
        base = self._base_of(row)
        begun = self.pretrain_steps if regime == "fine_tuned" else 0
        steps = base.steps if self.total_steps is None else self.total_steps - begun
        fixed = {
            "head": row.method,
            "init": row.init or base.init,
            "regime": regime,
            "mode": row.mode,
            "steps": row.steps or steps,
            "pretrain_steps": begun,
            "seed": seed,
        }
        return base.changed(**row.changes, **fixed)

    def _base_of(self, row: Row) -> CountingSettings:
        """Return `counting` or `spatial`, as settings of the row's head."""
        schema = trained_kind(row.method).settings()
        base: CountingSettings = self.spatial
        if issubclass(schema, RegressorSettings):
            base = self.counting
        if not isinstance(base, schema):
            base = schema(**base.model_dump(exclude={"head"}))
        return base

    @property
    def imitates(self) -> bool:
        """Whether a row is trained on images that take after the style images."""
        made = set(FOLDERS) - {"drawings", "simulation"}
        return any(row.synthetic in made for row in self.rows)

    def labels_choose_style(self, row: Row) -> bool:
        """Whether counts of the real training images decide which style a row's images get."""
        by_labels = self.density is not None and self.density.source == "labels"
        stylised = row.synthetic in ("stylised", "adain")
        return by_labels and stylised and self.style.images is None

    def needs(self, *synthetic: str) -> bool:
        """Tell whether a row is trained on one of these kinds of synthetic images."""
        return any(row.synthetic in synthetic for row in self.rows)


def check_changes(name: str, base: StylisationSettings, changes: dict[str, Any]) -> None:
    """Raise ValueError, in words for a person, if changes do not make stylisation settings."""
    try:
        base.changed(**changes)
    except SettingsError as error:
        raise ValueError(f"the changes of {name} cannot be used: {error.found}") from error
