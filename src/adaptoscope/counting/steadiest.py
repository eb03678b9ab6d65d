"""Which weights to keep when no label can say: those that contradict themselves least."""

import copy
from typing import Any

import torch
from torch import nn

from adaptoscope.counting.agreement import Count, Probe

LOOKS = 10


class SteadiestWeights:
    """Looks at a network ten times in a training and remembers its steadiest weights.

    Without labels the error on real images swings from step to step; what swings is contradicted.

    Parameters
    ----------
    network
        Whose weights would be kept: the average, or the network itself.
    count
        Makes counts of the network's output.
    probe
        Real crops.
    steps
        Steps of the training.
    """

    def __init__(self, network: nn.Module, count: Count, probe: Probe, steps: int) -> None:
        self.network, self.count, self.probe = network, count, probe
        self._due = {max(1, round(steps * part / LOOKS)) - 1 for part in range(1, LOOKS + 1)}
        self._best = float("inf")
        self._weights: dict[str, torch.Tensor] = {}

    def look(self, step: int) -> float | None:
        """Measure the network after a step, if it is time; return its disagreement then."""
        if step not in self._due:
            return None
        found = self.probe.disagreement(self.network, self.count)
        if found < self._best:
            self._best = found
            self._weights = copy.deepcopy(self.network.state_dict())
        return found

    def keep(self) -> None:
        """Put the steadiest weights into the network, if any were steady at all."""
        if self._weights:
            self.network.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the steadiest weights so far, and how far they contradict themselves."""
        return {"best": self._best, "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Put back what `state_dict` returned."""
        self._best = float(state_dict["best"])
        self._weights = state_dict["weights"]
