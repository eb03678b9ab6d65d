"""Read old pickled tables of tensors without executing anything that stands in them."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch


class Shell:
    """Holds the attributes of an unpickled object and can do nothing with them."""


class RefusedReadingError(ValueError):
    """A file asks for more than tensors and plain values, or is damaged."""


def read_restricted(path: Path, allowed: Iterable[str]) -> Any:
    """Read a file of ``torch.save`` with PyTorch's restricted unpickler.

    Objects of the classes whose full names are allowed become a `Shell`. Any other name that is not
    one of PyTorch's tensors ends the reading: `RefusedReadingError` says what was asked for.
    """
    shells: list[Any] = [(Shell, name) for name in allowed]
    try:
        with torch.serialization.safe_globals(shells):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise RefusedReadingError(
            f"it asks for {asked[1]}, which is not needed to hold tensors"
            if asked
            else "no table of tensors, or a damaged one"
        ) from error
