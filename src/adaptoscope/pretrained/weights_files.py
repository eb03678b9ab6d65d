"""Weight files: safetensors, float16 on disk, float32 in memory."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from adaptoscope.errors import DivergedError, InputError, MissingWeightsError
from adaptoscope.imageio.atomic_files import atomic_path


def write_weights(
    path: Path, tensors: Mapping[str, torch.Tensor], *, dtype: torch.dtype = torch.float16
) -> None:
    """Write named tensors to a ``.safetensors`` file, whole or not at all.

    Floating-point tensors are stored as `dtype`, others as they are.
    """
    stored = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in tensors.items()
    }
    for name, tensor in stored.items():
        if not tensor.isfinite().all():
            raise _not_finite(path.name, name, tensors[name], dtype)
    with atomic_path(path) as temporary:
        save_file(stored, temporary)


def refuse_diverged(network: torch.nn.Module) -> None:
    """Refuse a network whose weights are no numbers any more, before anything is asked of it."""
    for name, tensor in network.state_dict().items():
        if not tensor.isfinite().all():
            raise _not_finite("of the network", name, tensor, torch.float32)


def _not_finite(file: str, name: str, tensor: torch.Tensor, dtype: torch.dtype) -> DivergedError:
    largest = float(tensor.detach().abs().max())
    found = f"a largest value of {largest:.4g}" if math.isfinite(largest) else f"{largest}"
    return DivergedError(
        f"The weights {file} cannot be stored: {name} is out of range.",
        expected=f"finite values of at most {torch.finfo(dtype).max:.6g} ({dtype})",
        found=found,
        remedy="the training went astray: begin it anew, with a smaller learning rate",
    )


def refuse_missing(
    path: Path, remedy: str = "run `adaptoscope doctor` to see which weights are present"
) -> None:
    """Refuse a weight file that is not there."""
    if not path.is_file():
        raise MissingWeightsError(
            f"The weights {path.name} are not there.",
            expected=f"the file {path}",
            found="a folder" if path.is_dir() else "no such file",
            remedy=remedy,
        )


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read named tensors of a safetensors file; floating-point ones come back in float32."""
    refuse_missing(path)
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


def hash_of_network(network: torch.nn.Module) -> str:
    """Return the SHA-256, in hexadecimal digits, of the parameters and buffers of a network."""
    digest = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
