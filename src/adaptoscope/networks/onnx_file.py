"""Write a finished network as an ONNX file, which runs without torch."""

import json
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from adaptoscope.imageio.atomic_files import atomic_path

OPSET = 17
"""Version of ONNX's operators, which every ONNX Runtime since 1.12 (2022) knows."""

_LEAST_SHARED = 256
"""Tensors of fewer elements are written into the file even where the weights hold them."""


def write_onnx(
    path: Path, network: nn.Module, side: int, *, weights: Path | None = None, channels: int = 1
) -> None:
    """Write a network for batches and images of any size that it can take.

    Parameters
    ----------
    path
        The ``.onnx`` file, written whole or not at all.
    network
        Maps (B, channels, H, W) to one tensor, in the mode in which it predicts.
    side
        Side in pixels of an image that it can take.
    weights
        A ``.safetensors`` file in the same folder. Tensors that it holds under the same name with
        the same values are not written a second time: the ONNX file says where they lie in it.
    """
    example = torch.zeros(1, channels, side, side)
    network = network.cpu()
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # The exporter of torch 2.9 and later needs onnxscript and fixes what is not an axis; the
        # one that traces is announced to go but does all that is needed here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            str(temporary),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["output"],
            dynamic_axes={"image": {0: "batch", 2: "height", 3: "width"}, "output": {0: "batch"}},
            # In evaluation mode the exporter would change weights; ONNX Runtime does that later.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
        if weights is not None:
            _share_weights(temporary, weights)


def _share_weights(path: Path, weights: Path) -> None:
    """Replace tensors of an ONNX file by their places in a safetensors file beside it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path, load_external_data=False)
    stored = _places(weights)
    casts: list[Any] = []
    with weights.open("rb") as file:
        for tensor in model.graph.initializer:
            place = stored.get(tensor.name)
            if place is None or np.prod(tensor.dims) < _LEAST_SHARED:
                continue
            kind, begin, length = place
            file.seek(begin)
            held = np.frombuffer(file.read(length), dtype=kind)
            own = numpy_helper.to_array(tensor)
            if held.size != own.size or not np.array_equal(held.astype(np.float32), own.ravel()):
                continue
            if kind == np.float16:
                casts.append(_cast(helper, tensor.name))
                tensor.name, tensor.data_type = f"{tensor.name}.half", TensorProto.FLOAT16
            _refer(tensor, weights.name, begin, length)
    for number, node in enumerate(casts):
        model.graph.node.insert(number, node)
    onnx.save(model, path)


def _cast(helper: Any, name: str) -> Any:
    return helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=1)


def _refer(tensor: Any, file: str, begin: int, length: int) -> None:
    """Say that a tensor's values lie in a part of another file."""
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = 1
    for key, value in (("location", file), ("offset", begin), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))


def _places(weights: Path) -> dict[str, tuple[type[np.generic], int, int]]:
    """Return kind, first byte and number of bytes of the floating tensors of a safetensors file."""
    kinds: dict[str, type[np.generic]] = {"F16": np.float16, "F32": np.float32}
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] in kinds:
            begin, end = entry["data_offsets"]
            found[name] = (kinds[entry["dtype"]], 8 + length + begin, end - begin)
    return found
