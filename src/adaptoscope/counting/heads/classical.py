"""Counters without a network: classical detectors, and the constant that any has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.heads.kind import CounterKind
from adaptoscope.errors import InputError

if TYPE_CHECKING:
    from adaptoscope.counting.counters import Counter
    from adaptoscope.counting.model_folder import ModelRecord


class FittedKind(CounterKind):
    """A counter that is a dataclass whose fields, found by its `fit`, stand in the record.

    Parameters
    ----------
    counter
        Its class as ``module:name``.
    """

    def __init__(self, head: str, gives: Literal["cells", "number"], counter: str) -> None:
        self.head, self.gives, self._home = head, gives, counter

    def counter(self, record: ModelRecord, network: None = None) -> Counter:
        """Return it with what the record holds; what it lacks is measured on each image."""
        made = self._class()
        held = {field.name: getattr(record, field.name) for field in fields(made)}
        counter: Counter = made(**{name: each for name, each in held.items() if each is not None})
        return counter

    def fit(self, images: Sequence[npt.NDArray[np.float32]], counts: Sequence[float]) -> Counter:
        """Fit it by least mean absolute error; images of shape (H, W), in the stored range."""
        if not images or len(images) != len(counts):
            raise InputError(
                "A counter cannot be fitted to these images.",
                expected="at least one image and one count per image",
                found=f"{len(images)} images and {len(counts)} counts",
                remedy="use a set whose cells are marked",
            )
        counter: Counter = self._class().fit(images, counts)
        return counter

    def _class(self) -> Any:
        module, _, name = self._home.partition(":")
        return getattr(import_module(module), name)
