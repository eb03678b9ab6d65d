"""Which weights to keep when no label can say: those that contradict themselves least."""

import copy
from typing import Any

import torch
from torch import nn

from adaptoscope.counting.consistency import Count, Probe

# So many that one is near the best, and few beside the steps.
LOOKS = 10


class SteadiestWeights:
    """Looks at a network ten times in a stretch of steps and remembers its steadiest weights.

    Without labels the error on real images swings from step to step; what swings is contradicted.
    Of a training in phases the last one is looked at: weights from before it have not learnt what
    it teaches.

    Parameters
    ----------
    network
        Whose weights would be kept: the average, or the network itself.
    first, end
        First step that is followed by a look, at the earliest, and the step after the last one.
    """

    def __init__(
        self, network: nn.Module, count: Count, probe: Probe, first: int, end: int
    ) -> None:
        self.network, self.count, self.probe = network, count, probe
        parts = ((end - first) * part / LOOKS for part in range(1, LOOKS + 1))
        self._due = {first + max(1, round(part)) - 1 for part in parts}
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
