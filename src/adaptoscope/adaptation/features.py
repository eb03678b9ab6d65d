"""Features of the source domain, computed once, and the scale on which domains are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.translation.crops import draw_given
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval
from adaptoscope.translation.unet import StainUNet

Features = Mapping[int, torch.Tensor]
"""What layers give, by number of the layer, each of shape (B, C, h, w)."""

# Bytes of kept source features; above it they are computed anew in each step.
_MEMORY = 512 * 2**20
_SOURCE_STREAM = 1


def compute_features(
    network: StainUNet, images: torch.Tensor, settings: AdaptationSettings
) -> Features:
    """Return what the matched layers give for (B, 1, H, W); with `match_cut` the skips too."""
    found: dict[int, torch.Tensor] = {}
    state = network.forward_to(images, settings.layers[0])
    found[state.layer] = state.features
    for layer in settings.layers[1:]:
        state = network.forward_on(state, layer)
        found[layer] = state.features
    if settings.skips == "match_cut":
        found |= state.skips
    return found


@dataclass(frozen=True)
class FeatureScale:
    """Mean and deviation (1, C, 1, 1) of channels on the source domain, which become 0 and 1."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Return standardised features of the same shape."""
        return (features - self.mean) / self.deviation


class SourceFeatures:
    """Features of source crops, standardised, kept in memory."""

    def __init__(
        self,
        network: StainUNet,
        fields: Sequence[Field],
        interval: IntensityInterval,
        settings: AdaptationSettings,
    ) -> None:
        rng = np.random.default_rng([settings.seed, _SOURCE_STREAM])
        device = next(network.parameters()).device
        self.crops = draw_given(
            fields,
            interval,
            rng,
            batch=_number(network, settings),
            crop=settings.crop,
            flips=settings.flips,
        )
        kept: dict[int, list[torch.Tensor]] = {}
        with torch.no_grad():
            for part in self.crops.split(settings.batch):
                found = compute_features(network, part.to(device), settings)
                for layer, features in found.items():
                    kept.setdefault(layer, []).append(features)
        raw = {layer: torch.cat(features) for layer, features in kept.items()}
        self.scales = {layer: _scale_of(features) for layer, features in raw.items()}
        self.features = {layer: self.scales[layer](features) for layer, features in raw.items()}

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[torch.Tensor, Features]:
        """Draw crops, shape (batch, 1, H, W), with their standardised features by layer."""
        places = torch.from_numpy(rng.integers(len(self.crops), size=batch))
        chosen = {
            layer: features[places.to(features.device)] for layer, features in self.features.items()
        }
        return self.crops[places], chosen


def _number(network: StainUNet, settings: AdaptationSettings) -> int:
    """Return how many crops fit into memory, at most as many as asked for."""
    device = next(network.parameters()).device
    with torch.no_grad():
        one = compute_features(
            network, torch.zeros(1, 1, settings.crop, settings.crop).to(device), settings
        )
    size = sum(4 * features.numel() for features in one.values())
    return max(settings.batch, min(settings.cached, _MEMORY // size))


def _scale_of(features: torch.Tensor) -> FeatureScale:
    mean = features.mean((0, 2, 3), keepdim=True)
    deviation = features.std((0, 2, 3), keepdim=True)
    # A channel that says the same everywhere has no scale; it is left as wide as it is.
    return FeatureScale(mean, torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))
