"""Weight files: safetensors, float16 on disk, float32 in memory."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from adaptoscope.errors import InputError, MissingWeightsError
from adaptoscope.images.files import atomic_path


def write_weights(
    path: Path, tensors: Mapping[str, torch.Tensor], *, dtype: torch.dtype = torch.float16
) -> None:
    """Write named tensors, whole or not at all.

    Parameters
    ----------
    path
        A ``.safetensors`` file.
    tensors
        Floating-point tensors are stored as `dtype`, others as they are.
    dtype
        Stored precision.
    """
    stored = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in tensors.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        save_file(stored, temporary)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read named tensors; floating-point ones come back in float32.

    Raises
    ------
    MissingWeightsError
        If the file is absent.
    InputError
        If it is not a safetensors file.
    """
    if not path.exists():
        raise MissingWeightsError(
            f"The weights {path.name} are not there.",
            expected=f"the file {path}",
            found="no such file",
            remedy="run `adaptoscope doctor` to see which weights are present",
        )
    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"The weights {path} cannot be read.",
            expected="a safetensors file",
            found=" ".join(str(error).split()),
            remedy="copy or download the file again",
        ) from error
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
