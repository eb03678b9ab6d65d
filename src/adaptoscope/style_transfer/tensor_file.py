"""Tensors and what is known of them in one safetensors file, written whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.files import atomic_path
from adaptoscope.imageio.json_values import read_json

_ENTRY = "adaptoscope"

UNREADABLE = (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError)
"""What `read_tensors`, and making something of what it returns, raises for a damaged file."""


def write_tensors(
    path: Path, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], *, kind: str
) -> None:
    """Write named tensors with plain facts, under the name and version of their format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    # One entry only: safetensors writes several in an order that differs from run to run.
    metadata = {_ENTRY: json.dumps({"format": kind, **facts}, sort_keys=True)}
    with atomic_path(path) as temporary:
        save_file(stored, temporary, metadata=metadata)


def read_tensors(path: Path, *, kind: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read facts and tensors of a file in this format; one of `UNREADABLE` if it is not."""
    with safe_open(path, framework="pt") as stored:
        facts = read_json((stored.metadata() or {}).get(_ENTRY, "{}"))
        found = facts.pop("format", "unknown")
        if found != kind:
            raise ValueError(f"format {found}")
        return facts, {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118


def reason_of(error: Exception) -> str:
    """Say in one line why a file cannot be used."""
    return " ".join(str(error).split())[:200] or "no such file"


def refuse_other_name(path: Path, what: str) -> None:
    """Refuse a file that is not named as what will be written to it, given in words."""
    if path.suffix != ".safetensors":
        raise OutputError(
            f"A {what} cannot be written to {path}.",
            expected="a file name that ends in .safetensors",
            found=path.suffix or "no suffix",
            remedy="choose another name",
        )


def refuse_not_finite(what: str, tensors: Mapping[str, torch.Tensor]) -> None:
    """Refuse numbers that are not finite, before they are stored as `what`, in words."""
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise InputError(
            f"The {what} holds numbers that are not finite, and is not stored.",
            expected="finite numbers only",
            found=f"NaN or infinity in {', '.join(broken)}",
            remedy="learn again with a lower learning rate or with `precision: 32-true`, and make "
            "sure that the weights of the backbone are undamaged",
        )
