"""A network that predicts stains, on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from adaptoscope.errors import InputError
from adaptoscope.images.files import write_json, write_text
from adaptoscope.images.json_values import read_json
from adaptoscope.pretrained.weights_files import read_weights, write_weights
from adaptoscope.training.settings import Settings, settings_from
from adaptoscope.translation.intensities import StainIntensities
from adaptoscope.translation.preparation import Preparation
from adaptoscope.translation.unet import BorrowedSkipsUNet, StainUNet

LOOK = "look.json"
"""Magnification and contrast of the target, and how far the others were; of restyled pairs."""

CHOICE = "choice.json"
"""Which way was chosen without labels, and the scores of all."""

CANDIDATES = "candidates"
"""The model folders that were chosen among."""

MODEL_FILES = ("model.json", "weights.safetensors", "README.md", LOOK, CHOICE, CANDIDATES)
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

    @property
    def stains(self) -> tuple[str, ...]:
        """Names of the stains, in the order of the output channels."""
        return tuple(self.intensities.stains)


@dataclass(frozen=True)
class StainModel:
    """A network that predicts stains, with its name and what is known of it."""

    name: str
    record: TranslatorRecord
    network: StainUNet


def write_translator(
    folder: Path, record: TranslatorRecord, network: StainUNet, *, card: str
) -> None:
    """Write a network next to the ``settings.yaml`` of its run.

    Parameters
    ----------
    folder
        The run folder.
    record
        Content of ``model.json``, which is written last: a folder that has it is complete.
    network
        The network.
    card
        Text of ``README.md``.
    """
    write_weights(folder / "weights.safetensors", network.state_dict(), dtype=torch.float32)
    write_text(folder / "README.md", card)
    write_json(folder / "model.json", record.model_dump(mode="json"))


def load_translator(folder: Path, *, device: str = "cpu") -> StainModel:
    """Read the network of a model folder.

    Parameters
    ----------
    folder
        A folder that `stain train` or `stain adapt` wrote.
    device
        Where it shall run, as PyTorch names it.

    Returns
    -------
    StainModel
        The network, ready to predict.

    Raises
    ------
    InputError
        If the folder is absent, unfinished or damaged.
    SettingsError
        If ``model.json`` holds entries that are unknown or out of range.
    """
    folder = Path(folder)
    record = read_translator_record(folder)
    network = StainUNet(len(record.stains), record.width, norm=record.norm)
    if record.adapted is not None and record.adapted.skips == "source":
        network = BorrowedSkipsUNet(network, network, max(record.adapted.layers))
    try:
        network.load_state_dict(read_weights(folder / "weights.safetensors"))
    except RuntimeError as error:
        raise InputError(
            f"The weights of {folder} do not fit the network.",
            expected="the weights of the network that model.json describes",
            found=" ".join(str(error).split())[:200],
            remedy="train it again with this version",
        ) from error
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return StainModel(folder.name, record, ready_to_predict(network, record.norm_at_test))


def ready_to_predict(network: StainUNet, norm_at_test: Literal["running", "batch"]) -> StainUNet:
    """Put a network into the mode in which it predicts.

    Parameters
    ----------
    network
        The network; changed in place.
    norm_at_test
        Whether batch normalisation uses the averages of training, or each image's own statistics.
    """
    network.eval()
    if norm_at_test == "batch":
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.train()
                # Predicting must leave the network as it is.
                module.track_running_stats = False
    return network


def read_translator_record(folder: Path) -> TranslatorRecord:
    """Read ``model.json`` of a model folder.

    Raises
    ------
    InputError
        If the folder is absent or unfinished, or its ``model.json`` cannot be read.
    SettingsError
        If it holds entries that are unknown or out of range.
    """
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
