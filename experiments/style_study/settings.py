"""Settings of a study of styles: which drawings, which ways of stylising, what is measured."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from adaptoscope.pipeline.rows import NAMES, SLUG, slug_of
from adaptoscope.pipeline.settings import (
    DensityClasses,
    RealFolder,
    RealSimulated,
    StyleSettings,
    check_changes,
)
from adaptoscope.realism.settings import RealismSettings
from adaptoscope.style_transfer.settings import (
    ScreeningSettings,
    StylisationSettings,
    preprocessing_of,
)
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.settings import Settings

Control = Literal["percentiles", "histogram", "blur_noise", "simulation"]


class LayoutSet(Settings):
    """Drawings that every variant is given."""

    name: str = Field(pattern=SLUG)
    """Name of its folder and in the tables."""
    images: int = Field(default=48, ge=1)
    """Number of drawings."""
    like_real: bool = True
    """Measure cell size, density, intensity and background on the real training images; otherwise
    the paper's constants hold."""
    density_class: Literal["low", "medium", "high"] | None = None
    """Follow, and compare with, only the real images of this class; none takes all."""
    settings: SynthesisSettings = SynthesisSettings()
    """Algorithm 1; measured values replace those given here where `like_real` is set."""
    realism: bool = True
    """Compare with real images that gave no look; of use where drawings follow real ones."""

    @model_validator(mode="after")
    def _classes_follow(self) -> "LayoutSet":
        if self.density_class and not self.like_real:
            raise ValueError("density_class is only for drawings that follow real images")
        return self


class Variant(Settings):
    """One way of stylising."""

    name: str = Field(min_length=1)
    """As the tables show it."""
    changes: dict[str, Any] = Field(default={})
    """Fields of StylisationSettings in which it differs from `stylisation`."""
    tokens: TokenSettings | None = None
    """Train the style's tokens so; none takes them as they are read off the images."""
    curve: str = ""
    """Variants of one curve are joined in the plot of structure against realism."""
    mark: str = ""
    """Stands beside its dot in the plot; the name if empty."""

    @property
    def slug(self) -> str:
        """The name as a file name."""
        return slug_of(self.name)


class StyleStudySettings(Settings):
    """A study: every variant stylises the same drawings in the same styles."""

    kind: Literal["style_study"]
    """Tells the kinds of experiments apart."""
    name: str = Field(pattern=SLUG)
    """Name of the experiment; its run folder is `runs/NAME` unless another is given."""
    title: str
    """Head of the report."""
    real: Annotated[RealFolder | RealSimulated, Field(discriminator="kind")]
    """The real images: split `train` gives the look, `compare_with` is compared with."""
    compare_with: Literal["val", "test"] = "test"
    """Split that realism is measured against: `val` where settings are chosen, `test` for figures
    that are reported."""
    style: StyleSettings = StyleSettings()
    """Whose look."""
    stylisation: StylisationSettings = StylisationSettings()
    """How it is given, where a variant does not say otherwise."""
    layouts: tuple[LayoutSet, ...] = Field(min_length=1)
    """The drawings."""
    density: DensityClasses = DensityClasses()
    """What the density classes of layouts are."""
    variants: tuple[Variant, ...] = Field(min_length=1)
    """The lines of the tables."""
    controls: tuple[Control, ...] = ()
    """Also compare the realism of images made without learning."""
    screening: ScreeningSettings = ScreeningSettings()
    """What is kept."""
    realism: RealismSettings = RealismSettings()
    """How realism is measured."""
    seed: int = Field(default=0, ge=0)
    """Seed of drawings, style images and controls."""

    @model_validator(mode="after")
    def _check_variants(self) -> "StyleStudySettings":
        for kind, names in (
            ("layouts", [layout.name.lower() for layout in self.layouts]),
            ("variants", [variant.slug for variant in self.variants]),
        ):
            if len(set(names)) < len(names) or not all(names):
                raise ValueError(f"{kind} need different names with letters or digits in them")
        taken = {"drawings", "realism", *self.controls}
        shown = {NAMES["drawings"], *(NAMES[control] for control in self.controls)}
        for variant in self.variants:
            if variant.slug in taken or variant.name in shown:
                raise ValueError(f"a variant cannot be called {variant.name}")
            check_changes(variant.name, self.stylisation, variant.changes)
        for layout in self.layouts:
            if layout.name.lower() == "real" or layout.name.lower().startswith("style"):
                raise ValueError(f"a layout cannot be called {layout.name}")
        return self

    def style_of(self, variant: Variant) -> str:
        """Return the name of the style that a variant takes: its own where it differs."""
        usual = preprocessing_of(self.how(variant)) == preprocessing_of(self.stylisation)
        return "style" if variant.tokens is None and usual else f"style_{variant.slug}"

    def how(self, variant: Variant) -> StylisationSettings:
        """Return the stylisation settings of a variant."""
        return self.stylisation.changed(**variant.changes)


def parts_of_study(settings: StyleStudySettings) -> set[str]:
    """Return what a study makes in its run folder."""
    learnt = {settings.style_of(variant) for variant in settings.variants}
    files = (
        "report.html",
        "results.json",
        "results.md",
        "trade_off.svg",
        "trade_off_at_cells.svg",
    )
    layouts = (layout.name for layout in settings.layouts)
    return {*files, *layouts, *learnt, *(f"{name}.safetensors" for name in learnt)}
