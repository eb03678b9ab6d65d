"""Judges which patches of 70 x 70 pixels of a pair are real (paper 2, section 4.1).

Label convention of every discriminator of the project: logits; true pairs and the source domain
are above 0, made ones and the target domain below.
"""

import torch
from torch import nn
from torch.nn import functional

from adaptoscope.translation.layers import Norm


class PatchDiscriminator(nn.Module):
    """The 70 x 70 PatchGAN: five convolutions of 4 x 4 pixels, of strides 2, 2, 2, 1, 1.

    Parameters
    ----------
    width
        Channels of the first layer (paper 2: 64).
    """

    def __init__(self, channels: int, width: int = 64, *, norm: Norm = "instance") -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 8 * width)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before, after, stride in zip(widths[:3], widths[1:], (2, 2, 1), strict=True):
            layers += [
                nn.Conv2d(before, after, 4, stride, 1, bias=norm == "instance"),
                nn.InstanceNorm2d(after) if norm == "instance" else nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[3], 1, 4, 1, 1))

    def forward(self, images: torch.Tensor, stains: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (B, 1, H / 8 - 2, W / 8 - 2).

        Images (B, C, H, W) and stains (B, S, H, W) are in [-1, 1].
        """
        logits: torch.Tensor = self.layers(torch.cat([images, stains], dim=1))
        return logits


def bce_real(logits: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy of logits whose label is real, or source."""
    return functional.softplus(-logits).mean()


def bce_fake(logits: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy of logits whose label is made, or target."""
    return functional.softplus(logits).mean()
