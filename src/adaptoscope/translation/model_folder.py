"""A network that predicts stains, on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field

from adaptoscope.errors import InputError
from adaptoscope.imageio.json_values import read_json
from adaptoscope.inference.network import NETWORK_FILE, WEIGHTS_FILE, Network, open_network
from adaptoscope.training.settings import Settings, settings_from
from adaptoscope.translation.intensities import Preparation, StainIntensities

LOOK = "look.json"
"""Magnification and contrast of the target, and how far the others were; of restyled pairs."""

CHOICE = "choice.json"
"""Which way was chosen without labels, and the scores of all."""

CANDIDATES = "candidates"
"""The model folders that were chosen among."""

MODEL_FILES = ("model.json", WEIGHTS_FILE, NETWORK_FILE, "README.md", LOOK, CHOICE, CANDIDATES)
"""What a training or an adaptation may write beside its checkpoints, and what overwriting it
discards."""


class AdaptedFrom(Settings):
    """Where an adapted network comes from."""

    source: str
    """Name of the folder of the network that was adapted."""

    source_sha256: str
    """Hash of its weights."""

    method: str
    """How it was adapted."""

    layers: tuple[int, ...] = ()
    """Layers that were matched."""

    skips: Literal["own", "source"] = "own"
    """Whose skips the layers after those get: the network's own, or those of the network that was
    adapted, whose weights then stand beside its own."""

    reads_stains: bool = False
    """Whether stains of the other microscope were learnt from: an upper bound for the others."""

    target_modality: str | None = None
    """How the images were taken that it was adapted to."""


class TranslatorRecord(Settings):
    """Content of ``model.json``: what is needed to use a network, and what it has seen."""

    kind: Literal["stain_unet"] = "stain_unet"
    """Which network the folder holds."""

    width: int
    """Channels of its first layer."""

    norm: Literal["instance", "batch"]
    """Its normalisation."""

    norm_at_test: Literal["running", "batch"] = "running"
    """How batch normalisation predicts."""

    intensities: StainIntensities
    """Constants of the training set; the names of its stains."""

    preparation: Preparation = Preparation()
    """How images are prepared for the network."""

    modality: str | None = None
    """How the images of its training were taken, as the table of the set says."""

    pixel_size_um: float | None = None
    """Edge of a pixel of the training images in micrometres."""

    measured: dict[str, float] | None = None
    """Agreement with the truth on the validation split, where there was one."""

    adapted: AdaptedFrom | None = None
    """Where an adapted network comes from."""

    training_images: dict[str, str] = Field(default_factory=dict)
    """File name of every image that was learnt from under the SHA-256 of its decoded pixels."""

    network_sha256: str | None = None
    """SHA-256 of the network's files, as `hash_of_network_files`."""

    @property
    def stains(self) -> tuple[str, ...]:
        """Names of the stains, in the order of the output channels."""
        return tuple(self.intensities.stains)


class Predictor(Protocol):
    """Anything that predicts stains: a finished network, or one that is still in torch."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        ...

    @property
    def record(self) -> TranslatorRecord:
        """What is known of it."""
        ...

    @property
    def run(self) -> Network:
        """Maps prepared images (B, 1, H, W), sides multiples of 256, to (B, S, H, W)."""
        ...


@dataclass(frozen=True)
class FinishedModel:
    """A network that predicts stains and learns no more, with its name and what is known of it."""

    name: str
    record: TranslatorRecord
    run: Network


def open_translator(folder: Path, *, device: str = "auto") -> FinishedModel:
    """Open a model folder of `stain train` or `stain adapt` to predict with it."""
    folder = Path(folder)
    record = read_translator_record(folder)
    network = open_network(folder, record.network_sha256, device=device)
    return FinishedModel(folder.name, record, network)


def read_translator_record(folder: Path) -> TranslatorRecord:
    """Read ``model.json`` of a model folder."""
    path = folder / "model.json"
    try:
        content = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"There is no model {folder} that predicts stains.",
            expected="a finished model folder of `adaptoscope stain train` or `stain adapt`",
            found="no model.json" if isinstance(error, OSError) else "a damaged model.json",
            remedy="check the path; run the training again if it was interrupted",
        ) from error
    return settings_from(content, TranslatorRecord, origin=str(path))
