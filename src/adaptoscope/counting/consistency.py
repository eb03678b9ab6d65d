"""How far a counter contradicts itself on images without labels.

What is right says the same of an image and of that image mirrored, dimmed, blurred or a little
noisy. While a network is trained, it is asked about crops (`Probe`); there it must also see in two
crops laid over one another the cells of both, as a network that always says the same number is
steady too. A finished counter is asked about whole images (`contradiction`), at other cell sizes as
well: what a teacher trains a network to be, steady on crops, is no evidence for its trainer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.settings import CountingSettings
from adaptoscope.images.normalisation import measure_range

# Crops and changes by eye: what a person would still count alike. The batch bounds memory.
_CROPS = 24
_BATCH = 8
_STREAM = 7
_GAMMAS = (0.8, 1.25)
_GAIN = 0.85
_NOISE = 0.04
_SCALES = (0.87, 1.15)
_BLUR_DIAMETERS = 0.08
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

        Returns
        -------
        float
            As `self_disagreement`.
        """
        views = [self._counted(network, count, view) for view in views_of(self.crops, self._noise)]
        together = torch.maximum(self.crops, self.crops.roll(1, dims=0))
        return self_disagreement(torch.stack(views), self._counted(network, count, together))

    @torch.no_grad()
    def _counted(self, network: nn.Module, count: Count, crops: torch.Tensor) -> torch.Tensor:
        device = next(network.parameters()).device
        with _evaluating(network):
            seen = [count(network(part.to(device)).float()).cpu() for part in crops.split(_BATCH)]
        return torch.cat(seen)


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluate a network; each layer is then in the mode that it was in, frozen ones in theirs."""
    modes = [(layer, layer.training) for layer in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training


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


@dataclass(frozen=True)
class Contradiction:
    """How far a counter contradicts itself on whole images.

    Parameters
    ----------
    spread
        Deviation of the counts over the views of an image, as a share of the mean count. At most
        the root of the number of further views, which is said where no cell is seen.
    missed
        How far the count of an image laid over its own turned copy is from twice its count, as a
        share of that. Cells that hide one another are missed by any counter; a counter that always
        says the same misses half.
    """

    spread: float
    missed: float


def contradiction(
    counter: DensityCounter, images: Sequence[npt.NDArray[np.float32]], diameters: Sequence[float]
) -> Contradiction:
    """Ask a counter about changed whole images, and say how far its answers differ.

    Parameters
    ----------
    images
        Shape (H, W) each, in [0, 1] of the stored range; at least one.
    diameters
        Cell diameter of each in pixels, which says how wide a little blur is. The views: as it is,
        mirrored along each axis, a little blurred, a little noisy, and counted at a diameter 13 %
        smaller and 15 % larger than the counter's own.
    """
    counts, both = [], []
    for number, (pixels, diameter) in enumerate(zip(images, diameters, strict=True)):
        views = _changed(pixels, diameter, np.random.default_rng(number))
        first = counter.count(pixels)
        own = first.diameter_px
        said = [first.count, *(counter.count(view, diameter_px=own).count for view in views)]
        said += [counter.count(pixels, diameter_px=own * by).count for by in _SCALES if own]
        counts.append(said)
        over = np.maximum(pixels, pixels[::-1, ::-1])
        both.append(counter.count(over, diameter_px=own).count)
    mean = float(np.mean([np.mean(said) for said in counts]))
    once = float(np.sum([said[0] for said in counts]))
    if mean <= 0 or once <= 0:
        return Contradiction(float(np.sqrt(len(counts[0]) - 1)), 1.0)
    spread = float(np.mean([np.std(said) for said in counts])) / mean
    away = [abs(each - 2 * said[0]) for each, said in zip(both, counts, strict=True)]
    return Contradiction(spread, float(np.sum(away)) / (2 * once))


def _changed(
    pixels: npt.NDArray[np.float32], diameter: float, generator: np.random.Generator
) -> list[npt.NDArray[np.float32]]:
    span = measure_range(pixels)
    noise = generator.normal(0.0, _NOISE * (span.high - span.low), pixels.shape)
    return [
        np.ascontiguousarray(pixels[::-1]),
        np.ascontiguousarray(pixels[:, ::-1]),
        ndimage.gaussian_filter(pixels, _BLUR_DIAMETERS * diameter),
        (pixels + noise).astype(np.float32),
    ]


def apart(counts: list[npt.NDArray[np.float64]]) -> float:
    """Return the mean distance of counts of the same images, by pairs, relative to their mean."""
    every = np.stack(counts)
    pairs = np.abs(every[:, None] - every[None]).mean(axis=2)
    number = len(every)
    mean = max(float(every.mean()), np.finfo(np.float64).tiny)
    return float(pairs.sum() / (number * (number - 1)) / mean)
