"""A counter's network in torch: read to be trained on, counted with, written when done."""

import copy
from pathlib import Path

import torch
from torch import nn

from adaptoscope.counting.counters import Counter
from adaptoscope.counting.heads.table import trained_kind
from adaptoscope.counting.model_folder import ModelRecord, counter_of, write_model
from adaptoscope.errors import InputError
from adaptoscope.inference.network import NETWORK_FILE, WEIGHTS_FILE, hash_of_network_files
from adaptoscope.networks.onnx_file import write_onnx
from adaptoscope.networks.torch_network import TorchNetwork
from adaptoscope.pretrained.weights_files import read_weights, write_weights

_SIDE = 64
"""Side in pixels of the image that networks are traced with; any multiple of 32 would do."""


def write_network_model(
    folder: Path,
    record: ModelRecord,
    network: nn.Module,
    *,
    card: str,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a trained counter next to the ``settings.yaml`` of its run.

    Parameters
    ----------
    record
        Content of ``model.json``, which is written last: a folder that has it is complete.
    card
        Text of ``README.md``.
    dtype
        How its weights are stored; they are computed with in float32.
    """
    write_weights(folder / WEIGHTS_FILE, network.state_dict(), dtype=dtype)
    write_finished_network(folder, network)
    write_model(folder, record.changed(network_sha256=hash_of_network_files(folder)), card)


def write_finished_network(folder: Path, network: nn.Module) -> None:
    """Write the network that counts without torch, beside the weights that are there.

    Parameters
    ----------
    network
        The network with weights of the same values.
    """
    finished = finished_form(copy.deepcopy(network).cpu())
    finished.load_state_dict(read_weights(folder / WEIGHTS_FILE))
    write_onnx(folder / NETWORK_FILE, finished, _SIDE, weights=folder / WEIGHTS_FILE)


def finished_form(network: nn.Module) -> nn.Module:
    """Return a network as it counts whole windows of any side, in evaluation mode."""
    made_for_any = getattr(network, "for_any_window", None)
    return (made_for_any() if made_for_any is not None else network).eval()


def network_counter(record: ModelRecord, network: nn.Module) -> Counter:
    """Return the counter that a network in torch and its record make.

    Parameters
    ----------
    network
        The network of that kind, on its device; put into evaluation mode.
    """
    return counter_of(record, TorchNetwork(finished_form(network)))


def read_network(folder: Path, record: ModelRecord, encoder: nn.Module | None = None) -> nn.Module:
    """Read the network of a model folder into torch.

    Parameters
    ----------
    encoder
        The encoder that a regressor's weights belong to; EfficientNet-B0 by default.
    """
    network = trained_kind(record.kind).network(record, encoder)
    try:
        network.load_state_dict(read_weights(folder / WEIGHTS_FILE))
    except RuntimeError as error:
        raise InputError(
            f"The weights of {folder} do not fit the network.",
            expected="the weights of the counter that model.json describes",
            found=" ".join(str(error).split())[:200],
            remedy="train it again with this version",
        ) from error
    return network
