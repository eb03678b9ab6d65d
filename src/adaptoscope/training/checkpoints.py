"""Save and load the state of a training run without pickle."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from adaptoscope.errors import InputError
from adaptoscope.imageio.atomic_files import atomic_path


class Stateful(Protocol):
    """Anything whose state can be taken out and put back: a module, an optimiser, an average."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain values and tensors."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Put a state back."""
        ...


def save_checkpoint(path: Path, state: Mapping[str, Stateful], step: int) -> None:
    """Write the state of all parts and the number of finished steps, whole or not at all."""
    content = {"step": step, "state": {name: part.state_dict() for name, part in state.items()}}
    # Into memory first: given a path, PyTorch writes the file's own name into it.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def load_checkpoint(path: Path, state: Mapping[str, Stateful]) -> int:
    """Put a saved state back and return the number of finished steps.

    Parameters
    ----------
    path
        A file written by `save_checkpoint`; if absent, nothing is changed and 0 is returned.
    state
        The same parts, under the same names, as when the file was written.
    """
    if not path.exists():
        return 0
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"The checkpoint {path} cannot be read.",
            expected="a checkpoint written by this program",
            found=" ".join(str(error).split())[:200],
            remedy="delete it to start this run again from its first step",
        ) from error
    names = sorted(content.get("state", {})) if isinstance(content, dict) else []
    if names != sorted(state):
        raise InputError(
            f"The checkpoint {path} belongs to another kind of run.",
            expected=", ".join(sorted(state)),
            found=", ".join(names) or "none of these",
            remedy="use another output folder, or delete the checkpoint",
        )
    for name, part in state.items():
        part.load_state_dict(content["state"][name])
    return int(content["step"])
