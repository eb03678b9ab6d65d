"""A trained or fitted counter on disk, and how any counter is found by name or folder."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from adaptoscope.counting.calibration import Calibration
from adaptoscope.counting.counters import Counter, NetworkCounter
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.heads.kind import CounterKind
from adaptoscope.counting.heads.table import (
    KINDS,
    bundled_counters,
    classical_counters,
    kind_of,
)
from adaptoscope.counting.out_of_distribution import TrainingStatistics
from adaptoscope.counting.post_processing import DensityReading
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.imageio.json_values import read_json
from adaptoscope.inference.network import (
    NETWORK_FILE,
    WEIGHTS_FILE,
    Network,
    hash_of_network_files,
    open_network,
)
from adaptoscope.pretrained.bundled import bundled_weights
from adaptoscope.training.settings import Settings, settings_from

LEAST_WINDOW = 32
"""Side in pixels of the smallest window: what one feature of EfficientNet-B0 stands for."""

JUDGEMENT_FILE = "judgement.json"
"""Whether a trained counter is nearer to the truth than the one that it began as."""

MODEL_FILES = ("model.json", WEIGHTS_FILE, NETWORK_FILE, "README.md", JUDGEMENT_FILE)


class ModelRecord(Settings):
    """Content of ``model.json``: what is needed to use a counter, and what it has seen."""

    kind: str
    """Which counter the folder holds: `kind` of one of `KINDS`."""

    regime: str | None = None
    """How a network was trained."""

    init: str | None = None
    """Where a network's encoder started."""

    crop: int | None = None
    """Side in pixels of the windows of a regressor, and of the training crops of any network."""

    pooling: Literal["mean", "sum"] | None = None
    """Pooling of a regressor."""

    working_diameter_px: float | None = None
    """Cell diameter in pixels that images are brought to before a density network sees them."""

    normalisation: Literal["image", "set", "gain"] | None = None
    """Whether a network takes each image's own intensity range, the one below, or each image's own
    background with the distance below from background to cells."""

    reading: DensityReading | None = None
    """Which peaks of a density are cells."""

    intensity: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Per channel, the intensities (0 to 1 of the stored range) that become 0 and 1."""

    channel: int | None = None
    """Channel of the training images; None where they had only one."""

    diameter_px: float | None = None
    """Expected cell diameter in pixels; None lets a density network measure each image."""

    pixel_size_um: float | None = None
    """Expected edge of a pixel in micrometres."""

    sigma: float | None = None
    """Inner deviation of a fitted `dog`, in pixels."""

    threshold: float | None = None
    """Threshold of a fitted `dog`, in the unit of the stored range."""

    splitting_px: float | None = None
    """Diameter, in pixels, from which a fitted `otsu_watershed` splits and keeps pieces."""

    value: float | None = None
    """What `constant` says."""

    measured: dict[str, float] | None = None
    """Errors on the validation split, where there was one."""

    calibration: Calibration | None = None
    """Residuals on the validation split, for intervals."""

    known: TrainingStatistics | None = None
    """What the training images looked like, to tell images that are unlike them."""

    training_images: dict[str, str] = Field(default_factory=dict)
    """File name of every training image under the SHA-256 of its decoded pixels."""

    network_sha256: str | None = None
    """SHA-256 of the network's files, as `hash_of_network_files`; None without a network."""

    @property
    def fixed_range(self) -> IntensityRange | None:
        """The range of intensities that it was trained with; None measures each image's own."""
        if self.normalisation != "set":
            return None
        return IntensityRange(*next(iter(self.intensity.values())))

    @property
    def fixed_span(self) -> float | None:
        """Distance from background to cells that it was trained with; None where none is fixed."""
        if self.normalisation != "gain":
            return None
        low, high = next(iter(self.intensity.values()))
        return high - low

    @field_validator("kind")
    @classmethod
    def _kind_is_known(cls, kind: str) -> str:
        known = [each.kind for each in KINDS]
        if kind not in known:
            raise ValueError(f"kind is one of {', '.join(known)}")
        return kind


@dataclass(frozen=True)
class CountingModel:
    """A counter with its name and what is known of it."""

    name: str
    record: ModelRecord
    counter: Counter

    @property
    def kind(self) -> CounterKind:
        """Its line in the table of kinds."""
        return kind_of(self.record.kind)

    @property
    def density(self) -> DensityCounter | None:
        """The counter where it is a density; None for any other."""
        return self.counter if isinstance(self.counter, DensityCounter) else None

    def with_window(self, window: int) -> "CountingModel":
        """Return a regressor whose windows have another side in pixels, at least `LEAST_WINDOW`."""
        if not isinstance(self.counter, NetworkCounter):
            raise SettingsError(
                f"The counter {self.name} has no windows.",
                expected="a regressor, which sums the counts of windows",
                found=f"a counter of the kind {self.record.kind}, which sees an image as a whole",
                remedy="leave out --window",
            )
        if window < LEAST_WINDOW:
            raise SettingsError(
                "The window is too small.",
                expected=f"at least {LEAST_WINDOW} pixels",
                found=str(window),
                remedy="choose a larger --window",
            )
        return replace(self, counter=self.counter.with_window(window))


def write_model(folder: Path, record: ModelRecord, card: str) -> None:
    """Write the ``model.json`` and the card of a counter whose other files stand already.

    Parameters
    ----------
    record
        Content of ``model.json``, which is written last: a folder that has it is complete.
    card
        Text of ``README.md``.
    """
    write_text(folder / "README.md", card)
    write_json(folder / "model.json", record.model_dump(mode="json"))


def write_network_copy(folder: Path, record: ModelRecord, source: Path, *, card: str) -> None:
    """Write a counter that reads the network of another model folder in its own way.

    Parameters
    ----------
    folder, record, card
        As for `write_model`.
    """
    for name in (WEIGHTS_FILE, NETWORK_FILE):
        shutil.copyfile(source / name, folder / name)
    complete = record.changed(network_sha256=hash_of_network_files(folder))
    write_model(folder, complete, card)


def load_counter(model: str | Path, *, device: str = "auto") -> CountingModel:
    """Find a counter by the name of a bundled one or by its folder.

    Parameters
    ----------
    model
        ``nuclei``, ``dog``, ``otsu_watershed``, or a model folder.
    device
        Where a network shall run: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """
    if str(model) in classical_counters():
        record = ModelRecord.model_validate({"kind": str(model)})
        return CountingModel(record.kind, record, counter_of(record, None))
    folder = bundled_weights()["nuclei"] if str(model) == "nuclei" else Path(model)
    record = read_record(folder)
    if not kind_of(record.kind).is_trained:
        return CountingModel(folder.name, record, counter_of(record, None))
    _refuse_incomplete(record)
    network = open_network(folder, record.network_sha256, device=device)
    return CountingModel(folder.name, record, counter_of(record, network))


def counter_of(record: ModelRecord, network: Network | None) -> Counter:
    """Return the counter that a network, where it has one, and its record make."""
    _refuse_incomplete(record)
    return kind_of(record.kind).counter(record, network)


def read_record(folder: Path) -> ModelRecord:
    """Read ``model.json`` of a model folder."""
    path = folder / "model.json"
    try:
        content = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"There is no counter {folder}.",
            expected=f"a finished model folder, or one of {', '.join(bundled_counters())}",
            found="no model.json" if isinstance(error, OSError) else "a damaged model.json",
            remedy="check the path; run `adaptoscope count train` again if it was interrupted",
        ) from error
    return settings_from(content, ModelRecord, origin=str(path))


def _refuse_incomplete(record: ModelRecord) -> None:
    needed = kind_of(record.kind).needs
    if not all(getattr(record, name) for name in needed):
        raise InputError(
            "The counter is not described completely.",
            expected=f"{', '.join(needed[:-1])} and {needed[-1]} in model.json",
            remedy="train it again",
        )
