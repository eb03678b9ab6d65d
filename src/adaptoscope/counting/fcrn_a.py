"""FCRN-A: the fully convolutional counter of Xie, Noble and Zisserman (2018)."""

import torch
from torch import nn


class FcrnA(nn.Module):
    """Three poolings down to 512 features, three enlargements up to a density at full size.

    1.4 million parameters; every convolution is 3 x 3 with batch normalisation and ReLU, but the
    last, which is linear.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for features in (32, 64, 128):
            layers += [*_convolution(before, features), nn.MaxPool2d(2)]
            before = features
        layers += _convolution(128, 512)
        before = 512
        for features in (128, 64, 32):
            enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
            layers += [enlarge, *_convolution(before, features)]
            before = features
        self.layers = nn.Sequential(*layers)
        self.density = nn.Conv2d(32, 1, 3, padding=1)
        nn.init.normal_(self.density.weight, std=1e-3)
        nn.init.zeros_(self.density.bias)  # type: ignore[arg-type]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the density of cells.

        Parameters
        ----------
        images
            Shape (B, 1, H, W), normalised; H and W multiples of 8.

        Returns
        -------
        torch.Tensor
            Shape (B, 1, H, W), in cells per pixel; not clipped.
        """
        density: torch.Tensor = self.density(self.layers(images))
        return density


def _convolution(channels: int, features: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, features, 3, padding=1, bias=False),
        nn.BatchNorm2d(features),
        nn.ReLU(inplace=True),
    ]
