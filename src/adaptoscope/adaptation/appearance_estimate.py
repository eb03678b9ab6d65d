"""Estimate magnification and contrast of the target, from images alone.

A network serves as the eye: source images are restyled with one magnification and one contrast
after the other, and the features that it finds in them are compared with those of target images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from adaptoscope.adaptation.restyling import (
    CONTRASTS,
    Contrast,
    light_of,
    measure_restyling,
    restyle,
)
from adaptoscope.translation.crops import draw_given
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval
from adaptoscope.translation.layers import MULTIPLE
from adaptoscope.translation.unet import StainUNet

LAYERS = (3, 4, 5)
"""From the size of organelles to that of cells: features of 8, 16 and 32 pixels."""

CLEARLY = 0.7
"""A magnification is believed where it brings features so much nearer than none does, and a
contrast where it brings them so much nearer than the other."""

# Half to nearly three times as large, in steps of 19 %, each then refined to 4 %.
_SCALES = tuple(2 ** (step / 4) for step in range(-4, 6))
_FINER = (2**0.125, 2**0.0625)
# Fields, quantiles and observations: enough for a distance, at a bounded time.
_LOOKED_AT = 24
_QUANTILES = torch.linspace(0.02, 0.98, 25)
_OBSERVATIONS = 16_384
_STREAM = 4


@dataclass(frozen=True)
class LookEstimate:
    """What the target looks like, seen from the source.

    Parameters
    ----------
    distances
        By contrast, the distance of features with that magnification; lower is nearer.
    tried
        By contrast, the distance with every magnification that was tried.
    """

    scales: dict[Contrast, float]
    distances: dict[Contrast, float]
    tried: dict[Contrast, dict[float, float]]

    @property
    def best(self) -> Contrast:
        """The contrast with the lower distance."""
        return min(self.distances, key=lambda contrast: self.distances[contrast])

    @property
    def magnification(self) -> float:
        """The magnification that is believed with the best contrast; 1 where none is."""
        return self.scales[self.best]

    @property
    def plausible(self) -> tuple[Contrast, ...]:
        """The best contrast first; the other one too, where it is not clearly worse."""
        best = self.best
        others = [
            contrast
            for contrast, distance in self.distances.items()
            if contrast != best and self.distances[best] >= CLEARLY * distance
        ]
        return (best, *others)


def estimate_look(
    network: StainUNet,
    interval: IntensityInterval,
    source: Sequence[Field],
    target: Sequence[Field],
    *,
    scale: float | None = None,
) -> LookEstimate:
    """Estimate magnification and contrast of the target; no stain is looked at.

    At most 24 fields of each domain are looked at; of fewer, several crops of 256 pixels each.
    `interval` becomes -1 and 1 of the target; `scale` is the magnification, where it is known.
    """
    source, target = source[:_LOOKED_AT], target[:_LOOKED_AT]
    wanted, light = _features(network, target, interval), light_of(source, target)

    def distance(contrast: Contrast, factor: float) -> float:
        how = measure_restyling(source, target, scale=factor, contrast=contrast, light=light)
        images = [restyle(field, how) for field in source]
        return _distance(wanted, _features(network, images, interval))

    tried: dict[Contrast, dict[float, float]] = {}
    scales: dict[Contrast, float] = {}
    for contrast in CONTRASTS:
        known = _SCALES if scale is None else (scale,)
        found = {factor: distance(contrast, factor) for factor in known}
        for finer in _FINER if scale is None else ():
            best = min(found, key=lambda factor: found[factor])
            for factor in (best / finer, best * finer):
                found[factor] = distance(contrast, factor)
        best = min(found, key=lambda factor: found[factor])
        if scale is None and found[best] >= CLEARLY * found[1.0]:
            best = 1.0
        tried[contrast], scales[contrast] = found, best
    distances = {contrast: tried[contrast][scales[contrast]] for contrast in CONTRASTS}
    return LookEstimate(scales, distances, tried)


def _features(
    network: StainUNet, fields: Sequence[Field], interval: IntensityInterval
) -> dict[int, torch.Tensor]:
    """Return what layers find in crops of all fields, by layer, shape (C, N)."""
    device = next(network.parameters()).device
    found: dict[int, list[torch.Tensor]] = {layer: [] for layer in LAYERS}
    rng = np.random.default_rng(_STREAM)
    wanted = math.ceil(_LOOKED_AT / len(fields))
    for field in fields:
        # Of a field no larger than a crop, one shows it all.
        for _ in range(min(wanted, math.ceil(math.prod(field.shape) / MULTIPLE**2))):
            crop = draw_given([field], interval, rng, batch=1, crop=MULTIPLE, flips=False)
            with torch.no_grad():
                state = network.forward_to(crop.to(device), LAYERS[-1])
            layers = {**state.skips, state.layer: state.features}
            for layer in LAYERS:
                found[layer].append(layers[layer][0].flatten(1).cpu())
    return {layer: torch.cat(parts, dim=1) for layer, parts in found.items()}


def _distance(wanted: dict[int, torch.Tensor], found: dict[int, torch.Tensor]) -> float:
    """Return how differently standardised channels are distributed, a mean over layers.

    That is the mean difference of quantiles, for one channel the first Wasserstein distance, plus
    the root mean squared difference of covariances.
    """
    parts = []
    for layer, reference in wanted.items():
        mean = reference.mean(1, keepdim=True)
        deviation = reference.std(1, keepdim=True).clamp(min=1e-6)
        one, other = ((each - mean) / deviation for each in (reference, found[layer]))
        quantiles = [torch.quantile(_thin(each), _QUANTILES, dim=1) for each in (one, other)]
        covariances = torch.cov(one) - torch.cov(other)
        parts.append(
            (quantiles[0] - quantiles[1]).abs().mean() + covariances.square().mean().sqrt()
        )
    return float(torch.stack(parts).mean())


def _thin(features: torch.Tensor) -> torch.Tensor:
    return features[:, :: max(1, features.shape[1] // _OBSERVATIONS)]


def describe_look(estimate: LookEstimate) -> dict[str, object]:
    """Return an estimate as it is written to JSON."""
    content: dict[str, object] = {"plausible": list(estimate.plausible)}
    for contrast in CONTRASTS:
        content[contrast] = {
            "scale": estimate.scales[contrast],
            "distance": estimate.distances[contrast],
            "tried": [list(pair) for pair in sorted(estimate.tried[contrast].items())],
        }
    return content


def from_description(content: Mapping[str, Any]) -> LookEstimate:
    """Return the estimate that `describe_look` was given."""
    return LookEstimate(
        {contrast: content[contrast]["scale"] for contrast in CONTRASTS},
        {contrast: content[contrast]["distance"] for contrast in CONTRASTS},
        {contrast: dict(content[contrast]["tried"]) for contrast in CONTRASTS},
    )
