"""An exponential moving average of a network's weights."""

import copy
from typing import Any

import torch
from torch import nn


class AveragedWeights:
    """A frozen copy of a network that follows it slowly.

    After each update the copy's parameters are ``d * copy + (1 - d) * network`` with
    ``d = min(decay, (1 + n) / (10 + n))`` after n updates, so that the copy forgets its random
    beginning quickly. Buffers are copied as they are.

    Parameters
    ----------
    decay
        The largest share of the old average that an update keeps, in [0, 1).
    """

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        self.network = network
        self.decay = decay
        self.updates = 0
        self.module = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self) -> None:
        """Move the average one step towards the network's present weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averaged: list[torch.Tensor] = list(self.module.parameters())
        followed: list[torch.Tensor] = list(self.network.parameters())
        torch._foreach_lerp_(averaged, followed, 1.0 - decay)
        for copied, buffer in zip(self.module.buffers(), self.network.buffers(), strict=True):
            copied.copy_(buffer)

    def state_dict(self) -> dict[str, Any]:
        """Return the averaged weights and the number of updates."""
        return {"updates": self.updates, "weights": self.module.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Put back what `state_dict` returned."""
        self.updates = int(state_dict["updates"])
        self.module.load_state_dict(state_dict["weights"])
