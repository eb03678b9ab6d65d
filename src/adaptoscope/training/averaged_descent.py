"""The optimiser step that networks for many microscopes are trained with."""

import torch
from torch import nn

from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.schedule import learning_rate_at

# By eye: the average looks back over about 500 steps, and no step is larger than usual.
_WEIGHT_DECAY = 0.02
_AVERAGING = 0.998
_LARGEST_GRADIENT = 1.0


class AveragedDescent:
    """AdamW with a warm-up, cosine decay and clipped gradients, and an average of the weights.

    Parameters
    ----------
    learning_rate
        Largest step size.
    """

    def __init__(
        self, network: nn.Module, *, steps: int, learning_rate: float, warm_up: int
    ) -> None:
        self.network = network
        self.steps, self.learning_rate, self.warm_up = steps, learning_rate, warm_up
        self.optimiser = torch.optim.AdamW(
            network.parameters(), learning_rate, weight_decay=_WEIGHT_DECAY
        )
        self.average = AveragedWeights(network, _AVERAGING)

    @property
    def state(self) -> dict[str, Stateful]:
        """What a checkpoint keeps."""
        return {"network": self.network, "optimiser": self.optimiser, "average": self.average}

    def descend(self, loss: torch.Tensor, index: int) -> None:
        """Take step `index`, from 0, against the gradient of a loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(index, self.steps, self.learning_rate, self.warm_up)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self.optimiser.step()
        self.average.update()
