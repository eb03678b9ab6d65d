"""What a kind of counter is: its names, what it gives, and what makes, trains and reads it.

Methods import what they need themselves, so that asking the table loads no library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from torch import nn

    from adaptoscope.counting.counters import Counter
    from adaptoscope.counting.crops import CropBatch, TrainingImages
    from adaptoscope.counting.model_folder import ModelRecord
    from adaptoscope.counting.post_processing import DensityReading
    from adaptoscope.counting.settings import CountingSettings


class CounterKind:
    """A kind of counter. A new one is a subclass in a file of its own and a line in the table."""

    head: str
    """What ``--head``, settings and rows of experiments call it."""

    gives: Literal["number", "density", "cells"]
    """A number alone, a density whose peaks are cells, or cells found one by one."""

    is_trained = False
    """Whether it is a network that is trained; otherwise it is fitted to counts."""

    needs: tuple[str, ...] = ()
    """Fields of the record without which it cannot count."""

    @property
    def kind(self) -> str:
        """What ``model.json`` calls it."""
        return self.head

    @property
    def is_classical(self) -> bool:
        """Whether it finds cells without a network."""
        return self.gives == "cells"

    def counter(self, record: ModelRecord, network: Any) -> Counter:
        """Return the counter that a record and a network, where there is one, make."""
        raise NotImplementedError

    def fit(self, images: Sequence[npt.NDArray[np.float32]], counts: Sequence[float]) -> Counter:
        """Fit a counter that is not trained to images, shape (H, W) each, and their counts."""
        raise NotImplementedError


class TrainedKind(CounterKind):
    """A network that is trained."""

    is_trained = True
    needs: tuple[str, ...] = ("crop", "normalisation", "intensity")

    def settings(self) -> type[CountingSettings]:
        """Return the class of the settings that it is trained with."""
        raise NotImplementedError

    def network(
        self, record: ModelRecord | None = None, encoder: nn.Module | None = None
    ) -> nn.Module:
        """Build the network of a record, its weights still to be read."""
        raise NotImplementedError

    def head_to_train(self, settings: Any) -> Head:
        """Build the network of some settings, begun as they say, with its loss."""
        raise NotImplementedError

    def usual_reading(self, settings: Any) -> DensityReading | None:
        """Return how its density is read before anything is fitted; None where there is none."""
        return None


class Head(Protocol):
    """A network together with what it is taught."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        ...

    def begin(self, images: Sequence[TrainingImages], settings: CountingSettings) -> None:
        """Prepare for a phase of training on these sets, each as often as the others."""
        ...

    def losses(self, output: torch.Tensor, batch: CropBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of a batch, and the mean absolute error of its crops in cells."""
        ...

    def counts(self, output: torch.Tensor) -> torch.Tensor:
        """Return the cells of each crop, shape (B,), that an output says."""
        ...
