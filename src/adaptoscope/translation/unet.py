"""The 16-layer U-Net of paper 2, which can be stopped at any layer and continued from there.

Paper 2 names "the 16 layer 1024 x 1024 UNet from Pix2Pix" (section 4.1): 8 convolutions down and 8
up, run fully convolutionally. Layers are numbered from 1 to 16. What a layer gives is taken after
its normalisation and before the next activation; dropout belongs to the layer that follows.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from adaptoscope.translation.layers import DOWNS, LAYERS, Dropout, Norm

_DROPPED: Mapping[Dropout, frozenset[int]] = {
    "none": frozenset(),
    "intermediate": frozenset({10, 11, 12}),
    "first": frozenset({9, 10, 11}),
}


@dataclass(frozen=True)
class SplitState:
    """All that passes from the first layers of the network to the rest.

    Parameters
    ----------
    layer
        Number of the last layer that was run, 1 to 16.
    features
        What it gave, shape (B, C, h, w); the stain, in [-1, 1], for layer 16.
    skips
        What earlier layers gave and later ones still need, by number of the layer.
    """

    layer: int
    features: torch.Tensor
    skips: Mapping[int, torch.Tensor]


class StainUNet(nn.Module):
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

    Attributes
    ----------
    layers
        Convolution and normalisation of each layer, in order.
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

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return stains of shape (B, S, H, W) for images of shape (B, C, H, W)."""
        return self.forward_to(images, LAYERS).features

    def forward_to(self, images: torch.Tensor, layer: int) -> SplitState:
        """Run the network up to a layer.

        Parameters
        ----------
        images
            Shape (B, C, H, W), in [-1, 1]; sides multiples of 256.
        layer
            Number of the last layer to run, 1 to 16.

        Returns
        -------
        SplitState
            What that layer gives, and what the rest needs besides.
        """
        return self._run(images, {}, 0, layer)

    def forward_on(self, crossing: SplitState, layer: int) -> SplitState:
        """Go on from one layer to a later one.

        Parameters
        ----------
        crossing
            What `forward_to` gave, of this network or of another of the same shape.
        layer
            Number of the last layer to run, not below that of `crossing`.
        """
        skips = dict(crossing.skips)
        if crossing.layer < DOWNS:
            skips[crossing.layer] = crossing.features
        return self._run(crossing.features, skips, crossing.layer, layer)

    def forward_from(self, crossing: SplitState) -> torch.Tensor:
        """Run the rest of the network.

        Parameters
        ----------
        crossing
            As in `forward_on`.

        Returns
        -------
        torch.Tensor
            Stains, shape (B, S, H, W), in [-1, 1].
        """
        return self.forward_on(crossing, LAYERS).features

    def _run(
        self, tensor: torch.Tensor, skips: dict[int, torch.Tensor], done: int, layer: int
    ) -> SplitState:
        for number in range(done + 1, layer + 1):
            if number - 1 in self.dropped:
                tensor = functional.dropout(tensor, 0.5, self.training)
            if number > DOWNS + 1:
                tensor = torch.cat([skips.pop(LAYERS + 1 - number), tensor], dim=1)
            # The public code shares memory between a skip and its leaky activation; the ReLU here
            # gives the same, as a leaky activation keeps the sign.
            if number > DOWNS:
                tensor = functional.relu(tensor)
            elif number > 1:
                tensor = functional.leaky_relu(tensor, 0.2)
            tensor = self.layers[number - 1](tensor)
            if number < DOWNS:
                skips[number] = tensor
        if done < layer == LAYERS:
            tensor = torch.tanh(tensor)
        skips.pop(layer, None)
        return SplitState(layer, tensor, skips)


class BorrowedSkipsUNet(StainUNet):
    """A network whose later layers get the skips of another network of the same shape.

    Parameters
    ----------
    lender
        Whose layers before the cut make the skips; it is frozen.
    cut
        Number of the layer after which skips of the layers before it are the lender's, 1 to 16.
    """

    def __init__(self, network: StainUNet, lender: StainUNet, cut: int) -> None:
        nn.Module.__init__(self)
        self.dropped = network.dropped
        self.channels = network.channels
        self.layers = copy.deepcopy(network.layers)
        self.lender = copy.deepcopy(lender).requires_grad_(False)
        self.cut = cut

    def forward_to(self, images: torch.Tensor, layer: int) -> SplitState:
        """Run the network up to a layer; see `StainUNet.forward_to`."""
        if layer <= self.cut:
            return super().forward_to(images, layer)
        crossing = super().forward_to(images, self.cut)
        skips = self.lender.forward_to(images, self.cut).skips
        return self.forward_on(SplitState(self.cut, crossing.features, skips), layer)

    def forward_on(self, crossing: SplitState, layer: int) -> SplitState:
        """Go on from the cut or from a later layer; see `StainUNet.forward_on`."""
        if crossing.layer < self.cut < layer:
            raise ValueError("the skips of the lender need the images: begin with forward_to")
        return super().forward_on(crossing, layer)


def channels_of(width: int, stains: int) -> tuple[int, ...]:
    """Return the channels that each of the 16 layers gives."""
    down = [width * min(2**number, 8) for number in range(DOWNS)]
    return (*down, *reversed(down[:-1]), stains)


def side_of(layer: int, side: int) -> int:
    """Return the side of what a layer gives, in its own pixels.

    Parameters
    ----------
    layer
        Number of the layer, 1 to 16.
    side
        Side of the image in pixels, a multiple of 256.
    """
    return side >> (layer if layer <= DOWNS else LAYERS - layer)


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
