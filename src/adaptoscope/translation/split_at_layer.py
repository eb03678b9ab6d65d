"""A network of numbered layers with skips, stopped at any layer and continued from there.

Layers are numbered from 1 to 16. What a layer gives is taken after its normalisation and before the
next activation; dropout belongs to the layer that follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from adaptoscope.translation.layers import DOWNS, LAYERS


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


class LayeredNetwork(nn.Module):
    """Eight layers down and eight up, each of the latter with the skip of its mirror image.

    Attributes
    ----------
    layers
        Convolution and normalisation of each layer, in order.
    dropped
        Numbers of the layers that lose half of their values in training.
    """

    layers: nn.ModuleList
    dropped: frozenset[int]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return stains (B, S, H, W) in [-1, 1] for images (B, C, H, W), sides multiples of 256."""
        return self.forward_to(images, LAYERS).features

    def forward_to(self, images: torch.Tensor, layer: int) -> SplitState:
        """Run the network up to a layer, 1 to 16, on images as `forward` takes them."""
        return self._run(images, {}, 0, layer)

    def forward_on(self, state: SplitState, layer: int) -> SplitState:
        """Go on to a layer that is not below that of `state`.

        What `forward_to` gave may be that of another network of the same shape.
        """
        skips = dict(state.skips)
        if state.layer < DOWNS:
            skips[state.layer] = state.features
        return self._run(state.features, skips, state.layer, layer)

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
