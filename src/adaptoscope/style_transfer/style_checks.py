"""Whether what a style file holds fits together, so that no drawing fails over it later."""

import math
from collections.abc import Mapping

import torch

Shape = tuple[int | str, ...]
"""Sides of a tensor: a number, or a name that stands for the same number everywhere."""

ROWS = "R"
"""Name of the first side of every tensor: one row for each style image."""


def fault_of_tensors(
    tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, Shape], rows: int
) -> str:
    """Say what is wrong with tensors that should have these shapes, or return nothing."""
    if rows < 1:
        return "no style image"
    sides = {ROWS: rows}
    for name, wanted in shapes.items():
        tensor = tensors[name]
        if not tensor.is_floating_point():
            return f"`{name}` of type {tensor.dtype}, not of floating point numbers"
        if tensor.dim() != len(wanted) or 0 in tensor.shape:
            return f"`{name}` of shape {tuple(tensor.shape)} instead of {_in_words(wanted, sides)}"
        for side, found in zip(wanted, tensor.shape, strict=True):
            expected = side if isinstance(side, int) else sides.setdefault(side, found)
            if found != expected:
                shape = _in_words(wanted, sides)
                return f"`{name}` of shape {tuple(tensor.shape)} instead of {shape}"
        if not torch.isfinite(tensor).all():
            return f"NaN or infinity in `{name}`"
    return ""


def fault_of_numbers(values: Mapping[str, object]) -> str:
    """Say which of some values is no finite number, or return nothing."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"`{name}: {value}`, which is no number"
        if not math.isfinite(value):
            return f"`{name}: {value}`, which is no finite number"
    return ""


def _in_words(shape: Shape, sides: Mapping[str, int]) -> str:
    parts = [str(sides.get(side, side)) if isinstance(side, str) else str(side) for side in shape]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
