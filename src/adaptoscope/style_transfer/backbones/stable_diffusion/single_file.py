"""The original single-file checkpoint: one table of tensors for all networks, read safely."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.backbones.stable_diffusion.restricted_reading import read_restricted

TEXT_PREFIX = "cond_stage_model.transformer."
_LEFT_BY_TRAINING = (
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
)


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of an original checkpoint without executing anything in it.

    ``.safetensors``, or ``.ckpt`` as PyTorch Lightning writes it.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = read_restricted(path, _LEFT_BY_TRAINING)
        table = content.get("state_dict", content)
        return {str(name): each for name, each in table.items() if isinstance(each, torch.Tensor)}
    except (SafetensorError, OSError, ValueError, AttributeError) as error:
        raise InputError(
            f"The checkpoint {path} cannot be read.",
            expected="an original Stable Diffusion 1.x checkpoint of tensors and plain values",
            found=" ".join(str(error).split())[:200],
            remedy="download it again, or take its .safetensors form",
        ) from error


def text_tensors(
    checkpoint: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return the text tower's tensors under the names that its class has here.

    Some versions of transformers nest them in ``text_model.``.
    """
    nested = any(name.startswith("text_model.") for name in wanted)
    found = {
        name.removeprefix(TEXT_PREFIX): tensor
        for name, tensor in checkpoint.items()
        if name.startswith(TEXT_PREFIX)
    }
    if not nested:
        found = {name.removeprefix("text_model."): tensor for name, tensor in found.items()}
    return {name: tensor for name, tensor in found.items() if not name.endswith("position_ids")}
