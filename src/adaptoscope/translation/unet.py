"""The 16-layer U-Net of paper 2.

Paper 2 names "the 16 layer 1024 x 1024 UNet from Pix2Pix" (section 4.1): 8 convolutions down and 8
up, run fully convolutionally; see `split_at_layer` for how layers are numbered and run.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn

from adaptoscope.translation.layers import DOWNS, LAYERS, Dropout, Norm
from adaptoscope.translation.split_at_layer import LayeredNetwork, SplitState

# Layers 10 to 12 in the public PyTorch code of pix2pix, 9 to 11 in its original Torch code.
_DROPPED: Mapping[Dropout, frozenset[int]] = {
    "none": frozenset(),
    "intermediate": frozenset({10, 11, 12}),
    "first": frozenset({9, 10, 11}),
}


class StainUNet(LayeredNetwork):
    """From images of light microscopy in [-1, 1] to stains in [-1, 1].

    Parameters
    ----------
    width
        Channels of the first layer (paper 2: 64).
    norm
        Instance normalisation, or batch normalisation as in the public code.
    dropout
        Which layers lose half of their values in training: the `intermediate` ones 10 to 12 (public
        PyTorch code), the `first` ones up, 9 to 11 (original Torch code), or `none`.
    """

    def __init__(
        self,
        stains: int = 1,
        width: int = 64,
        *,
        norm: Norm = "instance",
        dropout: Dropout = "none",
        given: int = 1,
    ) -> None:
        super().__init__()
        self.dropped = _DROPPED[dropout]
        self.channels = channels_of(width, stains)
        self.layers = nn.ModuleList()
        before = given
        for number in range(1, DOWNS + 1):
            after = self.channels[number - 1]
            bare = number in (1, DOWNS)
            convolution = nn.Conv2d(before, after, 4, 2, 1, bias=norm == "instance")
            self.layers.append(_with_norm(convolution, None if bare else norm))
            before = after
        for number in range(DOWNS + 1, LAYERS + 1):
            after, last = self.channels[number - 1], number == LAYERS
            doubled = before if number == DOWNS + 1 else 2 * before
            bias = last or norm == "instance"
            transposed = nn.ConvTranspose2d(doubled, after, 4, 2, 1, bias=bias)
            self.layers.append(_with_norm(transposed, None if last else norm))
            before = after
        self.apply(_initialise)


class BorrowedSkipsUNet(StainUNet):
    """A network whose layers after `cut` get the skips of a frozen network of the same shape."""

    def __init__(self, network: StainUNet, lender: StainUNet, cut: int) -> None:
        nn.Module.__init__(self)
        self.dropped = network.dropped
        self.channels = network.channels
        self.layers = copy.deepcopy(network.layers)
        self.lender = copy.deepcopy(lender).requires_grad_(False)
        self.cut = cut

    def forward_to(self, images: torch.Tensor, layer: int) -> SplitState:
        """Run the network up to a layer; see `LayeredNetwork.forward_to`."""
        if layer <= self.cut:
            return super().forward_to(images, layer)
        state = super().forward_to(images, self.cut)
        skips = self.lender.forward_to(images, self.cut).skips
        return self.forward_on(SplitState(self.cut, state.features, skips), layer)

    def forward_on(self, state: SplitState, layer: int) -> SplitState:
        """Go on from the cut or from a later layer; see `LayeredNetwork.forward_on`."""
        if state.layer < self.cut < layer:
            raise ValueError("the skips of the lender need the images: begin with forward_to")
        return super().forward_on(state, layer)


def channels_of(width: int, stains: int) -> tuple[int, ...]:
    """Return the channels that each of the 16 layers gives."""
    down = [width * min(2**number, 8) for number in range(DOWNS)]
    return (*down, *reversed(down[:-1]), stains)


def _with_norm(convolution: nn.Module, norm: Norm | None) -> nn.Module:
    channels = int(convolution.out_channels)  # type: ignore[arg-type]
    if norm is None:
        return nn.Sequential(convolution)
    kind = nn.InstanceNorm2d if norm == "instance" else nn.BatchNorm2d
    return nn.Sequential(convolution, kind(channels))


def _initialise(module: nn.Module) -> None:
    """Set first weights as the public code does: N(0, 0.02), and N(1, 0.02) for norms."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
