"""A trained or fitted counter on disk, and how any counter is found by name or folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import nn

from adaptoscope.counting.baselines import ConstantCounter, DogCounter, OtsuWatershedCounter
from adaptoscope.counting.calibration import Calibration
from adaptoscope.counting.count_regressor import CountRegressor
from adaptoscope.counting.counters import Counter, NetworkCounter
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.fcrn_a import REACH as FCRN_A_REACH
from adaptoscope.counting.fcrn_a import FcrnA
from adaptoscope.counting.outside import KnownImages
from adaptoscope.counting.reading import DensityReading
from adaptoscope.errors import InputError
from adaptoscope.images.files import write_json, write_text
from adaptoscope.images.json_values import read_json
from adaptoscope.images.normalisation import IntensityRange
from adaptoscope.networks.centres_network import REACH as CENTRES_REACH
from adaptoscope.networks.centres_network import STRIDE as CENTRES_STRIDE
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.networks.nuclei_encoder import NucleiEncoder
from adaptoscope.pretrained.bundled import bundled_weights
from adaptoscope.pretrained.weights_files import read_weights, write_weights
from adaptoscope.training.settings import Settings, settings_from

BUNDLED = ("nuclei", "dog", "otsu_watershed")
MODEL_FILES = ("model.json", "weights.safetensors", "README.md")


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


@dataclass(frozen=True)
class CountingModel:
    """A counter with its name and what is known of it."""

    name: str
    record: ModelRecord
    counter: Counter


def write_model(
    folder: Path,
    record: ModelRecord,
    *,
    card: str,
    weights: Mapping[str, torch.Tensor] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a counter next to the ``settings.yaml`` of its run.

    Parameters
    ----------
    folder
        The run folder.
    record
        Content of ``model.json``, which is written last: a folder that has it is complete.
    card
        Text of ``README.md``.
    weights
        Weights of a network.
    dtype
        How they are stored; they are computed with in float32.
    """
    if weights is not None:
        write_weights(folder / "weights.safetensors", weights, dtype=dtype)
    write_text(folder / "README.md", card)
    write_json(folder / "model.json", record.model_dump(mode="json"))


def load_counter(
    model: str | Path, *, device: str = "cpu", encoder: nn.Module | None = None
) -> CountingModel:
    """Find a counter by the name of a bundled one or by its folder.

    Parameters
    ----------
    model
        ``nuclei``, ``dog``, ``otsu_watershed``, or a model folder.
    device
        Where a network shall run, as PyTorch names it.
    encoder
        The encoder that a network's weights belong to; EfficientNet-B0 by default.

    Raises
    ------
    InputError
        There is no such counter, or its folder is not complete.
    """
    if str(model) in ("dog", "otsu_watershed"):
        kind = "dog" if str(model) == "dog" else "otsu_watershed"
        return CountingModel(kind, *_without_weights(ModelRecord.model_validate({"kind": kind})))
    folder = bundled_weights()["nuclei"] if str(model) == "nuclei" else Path(model)
    record = read_record(folder)
    if record.kind in ("dog", "otsu_watershed", "constant"):
        return CountingModel(folder.name, *_without_weights(record))
    network = read_network(folder, record, encoder)
    return CountingModel(folder.name, record, network_counter(record, network.to(device)))


def network_counter(record: ModelRecord, network: nn.Module) -> Counter:
    """Return the counter that a network and its record make.

    Parameters
    ----------
    record
        What is known of the network.
    network
        The trained network of that kind, on its device.
    """
    intensity = _fixed_range(record)
    if isinstance(network, CountRegressor):
        return NetworkCounter(
            network, crop=record.crop or 0, intensity=intensity, diameter_px=record.diameter_px
        )
    centres = record.kind == "centres"
    return DensityCounter(
        network,
        stride=CENTRES_STRIDE if centres else 1,
        reach=CENTRES_REACH if centres else FCRN_A_REACH,
        working_diameter=record.working_diameter_px or 0.0,
        diameter_px=record.diameter_px,
        intensity=intensity,
        span=_fixed_span(record),
        reading=record.reading,
    )


def read_record(folder: Path) -> ModelRecord:
    """Read ``model.json`` of a model folder.

    Raises
    ------
    InputError
        The folder is absent, unfinished, or its ``model.json`` cannot be read.
    SettingsError
        ``model.json`` holds entries that are unknown or out of range.
    """
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


def read_network(folder: Path, record: ModelRecord, encoder: nn.Module | None = None) -> nn.Module:
    """Read the network of a model folder.

    Parameters
    ----------
    folder
        The model folder.
    record
        Its record.
    encoder
        As in `load_counter`.

    Raises
    ------
    InputError
        The record is not complete, or the weights do not fit it.
    """
    network = _empty_network(folder, record, encoder)
    _fill(folder, network)
    return network


def _without_weights(record: ModelRecord) -> tuple[ModelRecord, Counter]:
    if record.kind == "dog":
        return record, DogCounter(record.sigma, record.threshold)
    if record.kind == "otsu_watershed":
        return record, OtsuWatershedCounter(record.splitting_px)
    return record, ConstantCounter(record.value or 0.0)


def _fixed_range(record: ModelRecord) -> IntensityRange | None:
    if record.normalisation != "set":
        return None
    return IntensityRange(*next(iter(record.intensity.values())))


def _fixed_span(record: ModelRecord) -> float | None:
    if record.normalisation != "gain":
        return None
    low, high = next(iter(record.intensity.values()))
    return high - low


def _empty_network(folder: Path, record: ModelRecord, encoder: nn.Module | None) -> nn.Module:
    """Build the network that a record describes, its weights still to be read."""
    regressor = record.kind == "count_regressor"
    own = record.pooling if regressor else record.working_diameter_px
    if not (record.crop and own and record.normalisation and record.intensity):
        needed = "pooling" if regressor else "working_diameter_px"
        raise InputError(
            f"The counter {folder} is not described completely.",
            expected=f"crop, {needed}, normalisation and intensity in model.json",
            remedy="train it again",
        )
    if not regressor:
        return CentresNetwork() if record.kind == "centres" else FcrnA()
    pooling, crop = record.pooling or "mean", record.crop
    return CountRegressor(encoder or NucleiEncoder(), pooling=pooling, crop=crop)


def _fill(folder: Path, network: nn.Module) -> None:
    try:
        network.load_state_dict(read_weights(folder / "weights.safetensors"))
    except RuntimeError as error:
        raise InputError(
            f"The weights of {folder} do not fit the network.",
            expected="the weights of the counter that model.json describes",
            found=" ".join(str(error).split())[:200],
            remedy="train it again with this version",
        ) from error
