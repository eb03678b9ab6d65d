"""A fully convolutional network that says where the centres of cells are, and how many."""

import torch
from torch import nn
from torch.nn import functional

PEAK = 1.0 / (2.0 * torch.pi)
"""Density at the middle of one cell alone, in cells per place, for an output of 1."""


class CentresNetwork(nn.Module):
    """A small U-Net (Ronneberger et al., 2015) whose output is a density of cells.

    Its sum over an area is the expected number of cells there; its peaks are their centres. All
    parts are local and batch normalisation is fixed after training, so that an image may be counted
    in overlapping tiles.

    Parameters
    ----------
    widths
        Channels at strides of 2, 4, 8 and 16 pixels.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.enter = nn.Sequential(_convolution(1, first, stride=2), _convolution(first, first))
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(a, b, stride=2), _convolution(b, b))
            for a, b in ((first, second), (second, third), (third, fourth))
        )
        self.up = nn.ModuleList(
            nn.Sequential(_convolution(a + b, b), _convolution(b, b))
            for a, b in ((fourth, third), (third, second), (second, first))
        )
        self.density = nn.Conv2d(first, 1, 1)
        nn.init.normal_(self.density.weight, std=1e-2)
        nn.init.constant_(self.density.bias, -4.0)  # type: ignore[arg-type]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the density of cells.

        Parameters
        ----------
        images
            Shape (B, 1, H, W), normalised: background near 0, cells near 1. H and W are multiples
            of 16.

        Returns
        -------
        torch.Tensor
            Shape (B, 1, H / 2, W / 2), in cells per place, above 0.
        """
        features = [self.enter(images)]
        for stage in self.down:
            features.append(stage(features[-1]))
        deep = features.pop()
        for stage in self.up:
            wide = functional.interpolate(deep, scale_factor=2, mode="nearest")
            deep = stage(torch.cat([wide, features.pop()], dim=1))
        return functional.softplus(self.density(deep)) * PEAK


def _convolution(channels: int, features: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, features, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(features),
        nn.ReLU(inplace=True),
    )
