"""A trained or fitted counter on disk, and how any counter is found by name or folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from adaptoscope.counting.baselines import ConstantCounter, DogCounter, OtsuWatershedCounter
from adaptoscope.counting.calibration import Calibration
from adaptoscope.counting.counters import Counter, NetworkCounter
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.outside import KnownImages
from adaptoscope.counting.reading import DensityReading
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.imageio.json_values import read_json
from adaptoscope.images.normalisation import IntensityRange
from adaptoscope.inference.network import (
    NETWORK_FILE,
    WEIGHTS_FILE,
    Network,
    hash_of_network_files,
    open_network,
)
from adaptoscope.networks.geometry import CENTRES, FCRN_A
from adaptoscope.pretrained.bundled import bundled_weights
from adaptoscope.training.settings import Settings, settings_from

BUNDLED = ("nuclei", "dog", "otsu_watershed")
MODEL_FILES = ("model.json", WEIGHTS_FILE, NETWORK_FILE, "README.md")
WITHOUT_NETWORK = ("dog", "otsu_watershed", "constant")


class ModelRecord(Settings):
    """Content of ``model.json``: what is needed to use a counter, and what it has seen."""

    kind: Literal["count_regressor", "centres", "fcrn_a", "dog", "otsu_watershed", "constant"]
    """Which counter the folder holds."""

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

    known: KnownImages | None = None
    """What the training images looked like, to tell images that are unlike them."""

    training_images: dict[str, str] = Field(default_factory=dict)
    """File name of every training image under the SHA-256 of its decoded pixels."""

    network_sha256: str | None = None
    """SHA-256 of the network's files, as `hash_of_network_files`; None without a network."""


@dataclass(frozen=True)
class CountingModel:
    """A counter with its name and what is known of it."""

    name: str
    record: ModelRecord
    counter: Counter


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
    if str(model) in ("dog", "otsu_watershed"):
        record = ModelRecord.model_validate({"kind": str(model)})
        return CountingModel(record.kind, record, _without_network(record))
    folder = bundled_weights()["nuclei"] if str(model) == "nuclei" else Path(model)
    record = read_record(folder)
    if record.kind in WITHOUT_NETWORK:
        return CountingModel(folder.name, record, _without_network(record))
    _refuse_incomplete(record)
    network = open_network(folder, record.network_sha256, device=device)
    return CountingModel(folder.name, record, counter_of(record, network))


def counter_of(record: ModelRecord, network: Network) -> Counter:
    """Return the counter that a network and its record make.

    Parameters
    ----------
    record
        What is known of the network.
    """
    _refuse_incomplete(record)
    intensity = _fixed_range(record)
    if record.kind == "count_regressor":
        return NetworkCounter(
            network, crop=record.crop or 0, intensity=intensity, diameter_px=record.diameter_px
        )
    return DensityCounter(
        network,
        geometry=CENTRES if record.kind == "centres" else FCRN_A,
        working_diameter=record.working_diameter_px or 0.0,
        diameter_px=record.diameter_px,
        intensity=intensity,
        span=_fixed_span(record),
        reading=record.reading,
    )


def read_record(folder: Path) -> ModelRecord:
    """Read ``model.json`` of a model folder."""
    path = folder / "model.json"
    try:
        content = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"There is no counter {folder}.",
            expected=f"a finished model folder, or one of {', '.join(BUNDLED)}",
            found="no model.json" if isinstance(error, OSError) else "a damaged model.json",
            remedy="check the path; run `adaptoscope count train` again if it was interrupted",
        ) from error
    return settings_from(content, ModelRecord, origin=str(path))


def _without_network(record: ModelRecord) -> Counter:
    if record.kind == "dog":
        return DogCounter(record.sigma, record.threshold)
    if record.kind == "otsu_watershed":
        return OtsuWatershedCounter(record.splitting_px)
    return ConstantCounter(record.value or 0.0)


def _fixed_range(record: ModelRecord) -> IntensityRange | None:
    if record.normalisation != "set":
        return None
    return IntensityRange(*next(iter(record.intensity.values())))


def _fixed_span(record: ModelRecord) -> float | None:
    if record.normalisation != "gain":
        return None
    low, high = next(iter(record.intensity.values()))
    return high - low


def _refuse_incomplete(record: ModelRecord) -> None:
    own = record.pooling if record.kind == "count_regressor" else record.working_diameter_px
    if not (record.crop and own and record.normalisation and record.intensity):
        needed = "pooling" if record.kind == "count_regressor" else "working_diameter_px"
        raise InputError(
            "The counter is not described completely.",
            expected=f"crop, {needed}, normalisation and intensity in model.json",
            remedy="train it again",
        )
