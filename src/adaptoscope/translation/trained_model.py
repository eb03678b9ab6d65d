"""A network that predicts stains, in torch: read to be learnt on, and written when it is done."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.inference.network import NETWORK_FILE, WEIGHTS_FILE, hash_of_network_files
from adaptoscope.networks.onnx_file import write_onnx
from adaptoscope.networks.torch_network import TorchNetwork
from adaptoscope.pretrained.weights_files import read_weights, write_weights
from adaptoscope.translation.layers import MULTIPLE
from adaptoscope.translation.model_folder import TranslatorRecord, read_translator_record
from adaptoscope.translation.unet import BorrowedSkipsUNet, StainUNet


@dataclass(frozen=True)
class StainModel:
    """A network that predicts stains, in torch, with its name and what is known of it."""

    name: str
    record: TranslatorRecord
    network: StainUNet

    @property
    def run(self) -> TorchNetwork:
        """The network as a finished one is used, in the mode that it is in."""
        return TorchNetwork(self.network)


def write_translator(
    folder: Path, record: TranslatorRecord, network: StainUNet, *, card: str
) -> None:
    """Write a network next to the ``settings.yaml`` of its run, with `card` as its ``README.md``.

    ``model.json`` is written last: a folder that has it is complete.
    """
    write_weights(folder / WEIGHTS_FILE, network.state_dict(), dtype=torch.float32)
    write_finished_translator(folder, record, network)
    write_text(folder / "README.md", card)
    complete = record.changed(network_sha256=hash_of_network_files(folder))
    write_json(folder / "model.json", complete.model_dump(mode="json"))


def write_finished_translator(folder: Path, record: TranslatorRecord, network: StainUNet) -> None:
    """Write the network that predicts without torch, beside weights of the same values."""
    finished = ready_to_predict(copy.deepcopy(network), record.norm_at_test)
    if record.norm_at_test == "batch":
        finished.apply(_normalise_each_image)
    write_onnx(folder / NETWORK_FILE, finished, MULTIPLE, weights=folder / WEIGHTS_FILE)


def load_translator(folder: Path, *, device: str = "cpu") -> StainModel:
    """Read the network of a model folder into torch, on a device as PyTorch names it."""
    folder = Path(folder)
    record = read_translator_record(folder)
    network = StainUNet(len(record.stains), record.width, norm=record.norm)
    if record.adapted is not None and record.adapted.skips == "source":
        network = BorrowedSkipsUNet(network, network, max(record.adapted.layers))
    try:
        network.load_state_dict(read_weights(folder / WEIGHTS_FILE))
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
    """Put a network into the mode in which it predicts, and return it.

    Batch normalisation uses the averages of training, or each image's own statistics.
    """
    network.eval()
    if norm_at_test == "batch":
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.train()
                # Predicting must leave the network as it is.
                module.track_running_stats = False
    return network


def _normalise_each_image(module: torch.nn.Module) -> None:
    """Replace batch normalisation by each image's own, which for one image is the same."""
    for name, child in module.named_children():
        if isinstance(child, torch.nn.BatchNorm2d):
            own = torch.nn.InstanceNorm2d(child.num_features, eps=child.eps, affine=True)
            own.weight, own.bias = child.weight, child.bias
            setattr(module, name, own)
