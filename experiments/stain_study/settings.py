"""Settings of a study of layer matching: which shifts, layers, rates and seeds."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from adaptoscope.adaptation.baseline_settings import OracleSettings, RestyledSettings
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.adaptation.shifts.table import ShiftSettings
from adaptoscope.pipeline.rows import SLUG
from adaptoscope.simulation.transmitted.settings import TransmittedSettings
from adaptoscope.training.settings import Settings
from adaptoscope.translation.settings import TranslationSettings

PARTS = ("pairs", "source", "shifts", "looks", "runs", "report.html", "results.json", "results.md")


class PairsFolder(Settings):
    """Pairs of a folder."""

    kind: Literal["folder"]
    """Tells the origins apart."""

    folder: str
    """The folder; a leading ``$ADAPTOSCOPE_DATA`` is replaced."""


class PairsSimulated(Settings):
    """Pairs that are simulated: invented cells in transmitted light with two stains."""

    kind: Literal["simulated"]
    """Tells the origins apart."""

    fields: int = Field(default=160, ge=3)
    """Number of fields."""

    seed: int = Field(default=0, ge=0)
    """Seed of the cells."""

    fractions: dict[str, float] = Field(default={"train": 0.7, "val": 0.15, "test": 0.15})
    """Shares of the splits."""

    settings: TransmittedSettings = TransmittedSettings()
    """Cells and microscope."""


Share = Annotated[float, Field(ge=0, le=1)]


class PartSettings(Settings):
    """A rectangle of some fields, which makes one split: see `FieldPart`."""

    split: str = Field(pattern=SLUG)
    """``train``, ``val``, ``test`` or the split of the target fields."""

    files: str = "*"
    """Pattern of the base names of the given images, as ``ds1_*``."""

    rows: tuple[Share, Share] = (0.0, 1.0)
    """First and last edge as shares of the height."""

    columns: tuple[Share, Share] = (0.0, 1.0)
    """First and last edge as shares of the width."""


class PairsParts(Settings):
    """Pairs that are cut from the fields of a folder, where these are few and large."""

    kind: Literal["parts"]
    """Tells the origins apart."""

    folder: str
    """The folder; a leading ``$ADAPTOSCOPE_DATA`` is replaced."""

    parts: tuple[PartSettings, ...] = Field(min_length=1)
    """What is cut."""

    modality: str | None = None
    """Regular expression with one group, which finds the modality in the name of a given image;
    none keeps the column of the folder."""


class StudyShift(Settings):
    """What the target domain is."""

    name: str = Field(pattern=SLUG)
    """Name of its folder and in the tables."""

    modality: str | None = None
    """Another modality of the same fields; none keeps that of the source."""

    shift: ShiftSettings | None = None
    """What is done to the images besides."""

    intensities: Literal["own", "source", "histogram"] = "own"
    """What becomes of the target's intensities: see `AdaptationSettings`. The oracle and
    restyled pairs take the target's own where this says `histogram`."""

    grid: int | None = Field(default=None, ge=2)
    """Side in pixels of the tiles of a montage of cells, which are compared with the mean cell."""

    magnitude: float | None = None
    """Where it stands in the plot of Pearson by magnitude, beside others of one `curve`."""

    curve: str = ""
    """Shifts of one curve are joined in that plot."""


class AlsoMatched(Settings):
    """Runs of another method, or of several layers at once, beside those that are chosen among."""

    method: Literal["adversarial", "coral", "mmd"] = "adversarial"
    """How features are matched."""

    layers: tuple[int, ...]
    """Where."""


class StainStudySettings(Settings):
    """A study: one source network is adapted to every shift in many ways."""

    kind: Literal["stain_study"]
    """Tells the kinds of experiments apart."""

    name: str = Field(pattern=SLUG)
    """Name of the experiment; its run folder is `runs/NAME` unless another is given."""

    title: str
    """Head of the report."""

    pairs: Annotated[PairsFolder | PairsSimulated | PairsParts, Field(discriminator="kind")]
    """The images. Half of the fields of split `train` show the source domain, the others the
    target, without stains; `val` chooses, `test` is reported."""

    target_split: str | None = None
    """Split of the target fields, where it is not the second half of `train`. Then all of `train`
    shows the source domain."""

    shared_fields: bool = False
    """Whether the source network also learns from the fields that the target shows, as they are in
    the source domain, with their stains. Their images in the target domain it never sees."""

    modality: str
    """Modality of the source domain."""

    stains: tuple[str, ...] | None = None
    """Stains to predict; none takes all."""

    training: TranslationSettings = TranslationSettings()
    """How the source network is trained, on the source fields of split `train`."""

    shifts: tuple[StudyShift, ...] = Field(min_length=1)
    """The target domains."""

    adaptation: AdaptationSettings = AdaptationSettings()
    """How it is adapted, where the lists below do not say otherwise."""

    methods: tuple[Literal["adversarial", "coral", "mmd"], ...] = ("adversarial",)
    """Ways of matching."""

    layers: tuple[tuple[int, ...], ...] = Field(min_length=1)
    """What is matched, one list of layers a run."""

    also: tuple[AlsoMatched, ...] = ()
    """Further rows of the tables, which no rule chooses among."""

    restyled: bool = False
    """Whether restyled source pairs are learnt, with every contrast that the images leave open;
    they are chosen among, beside the layers."""

    restyled_layers: tuple[tuple[int, ...], ...] = ()
    """What is matched after that, one list of layers a run."""

    restyling: RestyledSettings = RestyledSettings()
    """How restyled pairs are learnt; contrast, seed and intensities are those of the run."""

    baselines: tuple[
        Literal["none", "own_range", "per_image", "histogram", "adabn", "oracle"], ...
    ] = ("none",)
    """What it is compared with. The oracle learns from target stains, with every seed."""

    oracle: OracleSettings = OracleSettings()
    """How the oracle learns; seed and intensities are those of the run."""

    rates: tuple[float, ...] = ()
    """Step sizes; none takes that of `adaptation`."""

    target_images: tuple[int, ...] = ()
    """Numbers of target images; none takes all of them. Every seed takes others. Which contrasts
    are tried, and whether layers alone are marked for a magnification, is told by all of them."""

    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0,)
    """Seeds of every adaptation."""

    @model_validator(mode="after")
    def _names_differ(self) -> "StainStudySettings":
        for shift in self.shifts:
            if bool(shift.curve) != (shift.magnitude is not None):
                raise ValueError(f"shift {shift.name} needs both curve and magnitude, or neither")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("name each seed once")
        names = [shift.name.lower() for shift in self.shifts]
        if len(set(names)) < len(names):
            raise ValueError("shifts need different names")
        matched = (*self.layers, *self.restyled_layers, *(each.layers for each in self.also))
        for layers in matched:
            self.adaptation.changed(layers=layers)
        listed = [(each.method, each.layers) for each in self.also]
        there = {*self.methods, "adversarial"}
        twice = [each for each in listed if each[0] in there and each[1] in self.layers]
        if twice or len(set(listed)) < len(listed):
            raise ValueError("also names a run that is there already")
        if self.shared_fields and self.target_split is not None:
            raise ValueError("shared_fields is for halves of train; leave target_split out")
        if self.restyled_layers and not self.restyled:
            raise ValueError("restyled_layers needs restyled: true")
        return self
