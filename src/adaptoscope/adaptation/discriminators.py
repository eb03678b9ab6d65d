"""Discriminators of features at every layer, of about the same size.

The 70 x 70 PatchGAN has no output on maps of 16 pixels or less, which six of the layers give at
256 pixels (method: paper 2 names it for all). So the number of its halvings follows the size of the
map, and its width the number of channels. Label convention: source above 0, target below.
"""

import itertools
import math

import torch
from torch import nn

# As in the 70 x 70 discriminator of pix2pix.
MOST_HALVINGS = 3
_SMALL = 8
"""Maps below this side are judged pixel by pixel."""


class FeatureDiscriminator(nn.Module):
    """Judges from which domain features come; returns logits per place.

    Parameters
    ----------
    side
        Side of the maps that it is trained on, in their own pixels.
    """

    def __init__(self, channels: int, side: int, parameters: int) -> None:
        super().__init__()
        halvings = halvings_of(side)
        kernel = 3 if side >= _SMALL else 1
        widths = [
            width_for(channels, halvings, kernel, parameters) * factor
            for factor in _factors(halvings)
        ]
        first = nn.Conv2d(channels, widths[0], kernel, padding=kernel // 2)
        if halvings:
            first = nn.Conv2d(channels, widths[0], 4, 2, 1)
        layers: list[nn.Module] = [first]
        for before, after in itertools.pairwise(widths):
            layers += [nn.LeakyReLU(0.2), nn.Conv2d(before, after, 4, 2, 1)]
        layers += [
            nn.LeakyReLU(0.2),
            nn.Conv2d(widths[-1], widths[-1], kernel, padding=kernel // 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(widths[-1], 1, 1),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (B, 1, h', w'), for features of shape (B, C, h, w)."""
        logits: torch.Tensor = self.layers(features)
        return logits


def halvings_of(side: int) -> int:
    """Return how often a map is halved: log2(side / 8), between 0 and 3."""
    return min(max(math.floor(math.log2(max(side, 1) / _SMALL)), 0), MOST_HALVINGS)


def width_for(channels: int, halvings: int, kernel: int, parameters: int) -> int:
    """Return the width with which a discriminator has about so many parameters.

    `channels` are those of the features; `kernel` is the side of its first and last convolutions.
    """
    factors = _factors(halvings)
    last = factors[-1]
    square = sum(16 * before * after for before, after in itertools.pairwise(factors))
    square += kernel**2 * last**2
    linear = (16 if halvings else kernel**2) * channels + 2 * last + sum(factors)
    root = (-linear + math.sqrt(linear**2 + 4 * square * parameters)) / (2 * square)
    return max(4, round(root))


def _factors(halvings: int) -> list[int]:
    """Return the widths of the convolutions that halve, or of the first one, over the first's."""
    return [min(2**stage, 4) for stage in range(max(halvings, 1))]


def gradient_penalty(logits: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Return R1: half the mean squared gradient of a logit at source features.

    The mean is over images and places of the logits, shape (B, 1, h', w') (Mescheder et al., 2018).
    """
    (gradient,) = torch.autograd.grad(logits.sum(), features, create_graph=True)
    return gradient.square().sum() / (2 * logits.numel())
