"""Random crops of fields for training, the image and its stains cut alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from adaptoscope.images.windows import Window, cut_window, random_window
from adaptoscope.translation.fields import Field, unit_of
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities

FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class PairedCrops:
    """Images (B, 1, crop, crop), mostly in [-1, 1], and stains (B, S, crop, crop) in [-1, 1]."""

    given: torch.Tensor
    stains: torch.Tensor


def draw_given(
    fields: Sequence[Field],
    interval: IntensityInterval,
    rng: np.random.Generator,
    *,
    batch: int,
    crop: int,
    flips: bool = True,
) -> torch.Tensor:
    """Draw crops of the given images alone, shape (B, 1, crop, crop); no stain is looked at.

    Every field is equally likely; smaller ones are continued by reflection. `interval` becomes -1
    and 1.
    """
    places = [_draw(fields, rng, crop, flips) for _ in range(batch)]
    return _given(places, interval, crop)


def draw_pairs(
    fields: Sequence[Field],
    intensities: StainIntensities,
    rng: np.random.Generator,
    *,
    batch: int,
    crop: int,
    flips: bool = True,
) -> PairedCrops:
    """Draw the same crops as `draw_given`, with their stains.

    Stains are clipped to [-1, 1], as no output can pass it.
    """
    places = [_draw(fields, rng, crop, flips) for _ in range(batch)]
    stains = [_turn(_stains(each, window, crop, intensities), way) for each, window, way in places]
    given = _given(places, intensities.given, crop)
    return PairedCrops(given, torch.from_numpy(np.stack(stains)))


def _draw(
    fields: Sequence[Field], rng: np.random.Generator, crop: int, flips: bool
) -> tuple[Field, Window, int]:
    field = fields[int(rng.integers(len(fields)))]
    window = random_window(*field.shape, crop, rng)
    way = int(rng.integers(8))
    return field, window, way if flips else 0


def _given(
    places: Sequence[tuple[Field, Window, int]], interval: IntensityInterval, crop: int
) -> torch.Tensor:
    drawn = [
        _turn(interval.to_network(unit_of(_cut(field.given[None], window, crop))), way)
        for field, window, way in places
    ]
    return torch.from_numpy(np.stack(drawn))


def _stains(field: Field, window: Window, crop: int, intensities: StainIntensities) -> FloatImage:
    if field.stains is None:
        raise ValueError(f"the stains of {field.name} were not read")
    cut = unit_of(_cut(field.stains, window, crop))
    planes = [
        interval.to_network(plane)
        for interval, plane in zip(intensities.stains.values(), cut, strict=True)
    ]
    return np.clip(np.stack(planes), -1, 1)


def _cut(planes: NDArray[np.integer], window: Window, crop: int) -> NDArray[np.integer]:
    cut = [cut_window(plane, window, crop) for plane in planes]
    return np.stack(cut)


def _turn(planes: FloatImage, way: int) -> FloatImage:
    turned = np.rot90(planes, way % 4, axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if way >= 4 else turned)
