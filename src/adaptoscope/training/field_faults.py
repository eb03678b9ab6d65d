"""Faults that images from the field have, painted at random into training crops.

Crops are normalised (background near 0, cells near 1) and their cells are about 12 pixels wide.
Nothing that is painted looks like a cell: bodies are much smaller or larger, or edged.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

Crop = NDArray[np.float32]
Floats = NDArray[np.float32] | NDArray[np.float64]
Fault = Callable[[Crop, np.random.Generator], Floats]

# The range that normalised images are clipped to, as in `IntensityRange.apply`.
_LIMITS = (-1.0, 4.0)
# How often something bright takes the place of the cells in the measured range: by eye.
_SETS_THE_RANGE = 0.4
_TWO_FAULTS = 0.25


def paint_faults(images: torch.Tensor, share: float, rng: np.random.Generator) -> torch.Tensor:
    """Give one fault, sometimes two, to a share of the crops, shape (B, 1, H, W)."""
    painted = images.clone()
    for place in np.flatnonzero(rng.random(len(images)) < share):
        crop: Floats = images[place, 0].numpy()
        for kind in rng.permutation(len(FAULTS))[: 1 + int(rng.random() < _TWO_FAULTS)]:
            crop = FAULTS[kind](crop.astype(np.float32), rng)
        clipped = np.clip(crop, *_LIMITS).astype(np.float32)
        painted[place, 0] = torch.from_numpy(clipped)
    return painted


def _hot_pixels(crop: Crop, rng: np.random.Generator) -> Crop:
    """Set single pixels, or pairs where the image was enlarged."""
    painted = crop.copy()
    side = int(rng.integers(1, 3))
    for row, column in rng.integers(0, crop.shape[0], (int(rng.integers(1, 25)), 2)):
        painted[row : row + side, column : column + side] = rng.uniform(0.8, 4)
    return painted


def _fibre(crop: Crop, rng: np.random.Generator) -> Floats:
    """Lay a wavy bright line across."""
    along, across = _turned_axes(crop, rng)
    bend = rng.uniform(0, 10) * np.sin(along / rng.uniform(8, 40) + rng.uniform(0, 6))
    away = (across - bend - rng.uniform(-0.4, 0.4) * crop.shape[0]) / rng.uniform(0.6, 4)
    return _with_body(crop, np.exp(-(away**2)), rng)


def _bodies(crop: Crop, rng: np.random.Generator) -> Floats:
    """Add blurred bodies much larger than cells, and specks much smaller."""
    rows, columns = np.mgrid[: crop.shape[0], : crop.shape[1]]
    body = np.zeros(crop.shape)
    for _ in range(int(rng.integers(1, 7))):
        spread = rng.uniform(10, 30) if rng.random() < 0.5 else rng.uniform(0.4, 1.2)
        row, column = rng.uniform(-0.1, 1.1, 2) * crop.shape[0]
        square = (rows - row) ** 2 + ((columns - column) * rng.uniform(0.5, 2)) ** 2
        body = np.maximum(body, rng.uniform(0.4, 1) * np.exp(-square / (2 * spread**2)))
    return _with_body(crop, body, rng)


def _lettering(crop: Crop, rng: np.random.Generator) -> Crop:
    """Burn in bars, strokes like letters, or a frame."""
    painted, side = crop.copy(), crop.shape[0]
    value = rng.uniform(1.0, 4.0)
    if rng.random() < 0.2:
        width = int(rng.integers(2, 10))
        edge = rng.permutation(4)[: int(rng.integers(1, 5))]
        for turn in edge:
            np.rot90(painted, turn)[:width] = value
        return painted
    top, left = rng.integers(0, side, 2)
    if rng.random() < 0.6:
        high, wide = int(rng.integers(2, 6)), int(rng.integers(15, 60))
        painted[top : top + high, left : left + wide] = value
    for _ in range(int(rng.integers(0, 7))):
        top += int(rng.integers(-3, 4))
        left += int(rng.integers(4, 10))
        high, wide = (int(rng.integers(1, 9)), 2) if rng.random() < 0.6 else (2, 5)
        painted[max(top, 0) : max(top, 0) + high, left : left + wide] = value
    return painted


def _uneven_light(crop: Crop, rng: np.random.Generator) -> Floats:
    """Let the light fall to one side, on cells and ground alike, or add a glow."""
    along, across = _turned_axes(crop, rng)
    slope = (along / crop.shape[0] + 0.5).clip(0, 1)
    if rng.random() < 0.5:
        ground = rng.uniform(0, 0.8)
        dimmed = (crop + ground) * (1 - rng.uniform(0.2, 0.8) * slope) - ground
        return np.asarray(dimmed, dtype=np.float64)
    if rng.random() < 0.5:
        return np.asarray(crop + rng.uniform(0.2, 1.5) * slope, dtype=np.float64)
    spread = rng.uniform(0.2, 0.6) * crop.shape[0]
    glow = np.exp(-(along**2 + across**2) / (2 * spread**2))
    return np.asarray(crop + rng.uniform(0.3, 1.5) * glow, dtype=np.float64)


def _halves(crop: Crop, rng: np.random.Generator) -> Crop:
    """Make the ground of one side of an edge brighter, as where two fields were joined."""
    along, _ = _turned_axes(crop, rng)
    step = np.float32(rng.uniform(0.1, 0.8))
    return np.where(along > rng.uniform(-0.3, 0.3) * crop.shape[0], crop, crop + step)


def _stripes(crop: Crop, rng: np.random.Generator) -> Floats:
    """Add stripes along an axis."""
    rows = np.arange(crop.shape[0])
    regular = 1 + np.sin(2 * np.pi * rows / rng.uniform(2.5, 14))
    wave = rng.normal(0, 1, crop.shape[0]) if rng.random() < 0.4 else regular
    stripes = np.asarray(rng.uniform(0.03, 0.25) * wave, dtype=np.float64)
    striped = crop + (stripes if rng.random() < 0.5 else stripes[:, None])
    return np.asarray(striped, dtype=np.float64)


def _cut_blacks(crop: Crop, rng: np.random.Generator) -> Floats:
    """Cut off the dark end: all of the ground and the feet of the cells become one value."""
    cut = np.float32(rng.uniform(0.0, 0.2))
    return np.asarray(np.maximum(crop - cut, 0) / (1 - cut), dtype=np.float32)


def _saturated(crop: Crop, rng: np.random.Generator) -> Floats:
    """Cut off the bright end."""
    cut = np.float32(rng.uniform(0.25, 0.8))
    return np.minimum(crop, cut) / cut


def _few_levels(crop: Crop, rng: np.random.Generator) -> Floats:
    """Store the crop in few steps, as dark images in 8 bits are."""
    step = rng.uniform(0.02, 0.12)
    return np.round(crop / step) * step


def _noise(crop: Crop, rng: np.random.Generator) -> Floats:
    """Add strong noise."""
    return crop + rng.uniform(0.1, 0.35) * rng.normal(size=crop.shape)


FAULTS: tuple[Fault, ...] = (
    _hot_pixels,
    _fibre,
    _bodies,
    _lettering,
    _uneven_light,
    _halves,
    _stripes,
    _cut_blacks,
    _saturated,
    _few_levels,
    _noise,
)


def _with_body(crop: Crop, body: NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """Add something bright, shape as the crop and at most 1; it may set the measured range."""
    height = rng.uniform(0.3, 4)
    dimmed = rng.uniform(1, max(1.0, height)) if rng.random() < _SETS_THE_RANGE else 1.0
    return (crop + height * body) / dimmed


def _turned_axes(
    crop: Crop, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the places of all pixels along two axes through the middle, turned at random."""
    rows, columns = np.mgrid[: crop.shape[0], : crop.shape[1]] - (crop.shape[0] - 1) / 2
    angle = rng.uniform(0, 2 * np.pi)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    return along, rows * np.cos(angle) - columns * np.sin(angle)
