"""How far a counter contradicts itself on images without labels.

What is right says the same of a crop and of that crop mirrored, dimmed, blurred or a little noisy,
and sees in two crops laid over one another the cells of both. The second asks for cells to be seen
at all: a network that always says the same number contradicts itself there.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.settings import CountingSettings

_CROPS = 24
_BATCH = 8
_STREAM = 7
_GAMMAS = (0.8, 1.25)
_GAIN = 0.85
_NOISE = 0.04
_BLUR = (0.0625, 0.25, 0.375, 0.25, 0.0625)

Count = Callable[[torch.Tensor], torch.Tensor]
"""Makes counts, shape (B,), of the output of a network."""


class Probe:
    """Real crops that networks are asked about again and again; no label of theirs is read.

    Parameters
    ----------
    images
        Where the crops are cut from.
    settings
        Side of the crops, and the seed that they are drawn with.
    """

    def __init__(self, images: TrainingImages, settings: CountingSettings) -> None:
        plain = settings.changed(augment="none", scale_jitter=1.0)
        self.crops = images.draw(plain, batch=_CROPS, step=0, stream=_STREAM).images
        generator = np.random.default_rng([settings.seed, _STREAM])
        noise = generator.standard_normal(self.crops.shape, dtype=np.float32)
        self._noise = torch.from_numpy(noise)

    def disagreement(self, network: nn.Module, count: Count) -> float:
        """Return how far a network contradicts itself on the crops, which it is left as it was by.

        Parameters
        ----------
        network
            Takes crops, shape (B, 1, H, W).
        count
            Makes counts of its output.

        Returns
        -------
        float
            As `self_disagreement`.
        """
        views = [self._counted(network, count, view) for view in views_of(self.crops, self._noise)]
        together = torch.maximum(self.crops, self.crops.roll(1, dims=0))
        return self_disagreement(torch.stack(views), self._counted(network, count, together))

    def counts(self, network: nn.Module, count: Count) -> npt.NDArray[np.float64]:
        """Return the cells that a network sees in each crop, shape (B,)."""
        return self._counted(network, count, self.crops).numpy().astype(np.float64)

    @torch.no_grad()
    def _counted(self, network: nn.Module, count: Count, crops: torch.Tensor) -> torch.Tensor:
        device = next(network.parameters()).device
        training = network.training
        network.eval()
        seen = [count(network(part.to(device)).float()).cpu() for part in crops.split(_BATCH)]
        network.train(training)
        return torch.cat(seen)


def self_disagreement(views: torch.Tensor, both: torch.Tensor) -> float:
    """Return how far counts contradict one another.

    Parameters
    ----------
    views
        Counts of each view of each crop, shape (V, B); the first view is the crop as it is.
    both
        Count of each crop under the one before it, shape (B,).

    Returns
    -------
    float
        The deviation over the views, plus how far the count of two crops is from their sum; each a
        mean over the crops, relative to the mean count. Infinite if no cell is seen.
    """
    each = views[0]
    mean = float(each.mean())
    if mean <= 0:
        return float("inf")
    spread = float(views.std(dim=0, correction=0).mean()) / mean
    missed = float((both - each - each.roll(1)).abs().mean()) / (2 * mean)
    return spread + missed


def views_of(crops: torch.Tensor, noise: torch.Tensor) -> list[torch.Tensor]:
    """Return crops as they are, mirrored, of other contrast, dimmed, blurred and noisy.

    Parameters
    ----------
    crops
        Shape (B, 1, H, W), background near 0, cells near 1.
    noise
        Of the same shape, of standard deviation 1.
    """
    positive = crops.clamp(min=0.0)
    kernel = torch.tensor(_BLUR, dtype=crops.dtype, device=crops.device)
    padded = functional.pad(crops, (2, 2, 2, 2), mode="reflect")
    rows = functional.conv2d(padded, kernel.view(1, 1, -1, 1))
    return [
        crops,
        crops.flip(2),
        crops.flip(3),
        *(positive**gamma for gamma in _GAMMAS),
        crops * _GAIN,
        functional.conv2d(rows, kernel.view(1, 1, 1, -1)),
        crops + _NOISE * noise,
    ]
