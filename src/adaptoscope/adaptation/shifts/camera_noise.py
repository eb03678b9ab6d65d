"""Noise of the camera: drawn, and told from images as what is as strong at any detail.

There are two estimates of it, of which the smaller counts: the part of the spectrum that does not
fall, and the finest detail of most places. The first alone takes scattered points smaller than a
pixel for noise, the second alone any fine texture that fills the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

FloatImage = NDArray[np.float32]
FloatArray = NDArray[np.float64]

_TAIL = 0.25
"""Cycles per pixel above which a spectrum is taken apart into structure, which falls, and noise."""
_ABOVE_NOISE = 4.0
"""Power over that of the noise from which a frequency tells of the optics."""


def noise_floor(frequencies: FloatArray, power: FloatArray) -> float:
    """Return the variance of the noise: what does not fall in the upper half of a spectrum.

    Structure is taken to fall as the second and the fourth power of the frequency, or any mixture.
    What falls more slowly, as points smaller than a pixel do, is not told from noise.
    """
    tail = frequencies >= _TAIL
    falling = [(frequencies[tail] / _TAIL) ** -exponent for exponent in (0, 2, 4)]
    parts, _ = optimize.nnls(np.stack(falling, axis=1) / power[tail, None], np.ones(tail.sum()))
    return float(parts[0])


def finest_variance(images: Sequence[FloatImage]) -> float:
    """Return the variance of the finest diagonal detail, without that of the few strongest places.

    That is the variance of white noise, or more where most places show detail (Donoho and
    Johnstone, 1994: median absolute Haar coefficient over 0.6745, the quartile of the normal
    distribution). Images (H, W) without four pixels in a square are left out; 0 where none is left.
    """
    found = []
    for image in images:
        even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        if even.size:
            detail = even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]
            found.append(float(np.median(np.abs(detail)) / 2 / stats.norm.ppf(0.75)) ** 2)
    return float(np.mean(found)) if found else 0.0


def noise_to_add(power: FloatArray, wanted: FloatArray, own: float, target: float) -> float:
    """Return the variance of the target's noise beyond that which source images bring along.

    0 where the target has less noise than the source, also where its structure is weaker: that may
    be due to fewer cells.
    """
    telling = (power > _ABOVE_NOISE * own) & (wanted > _ABOVE_NOISE * target)
    if not telling.any():
        return 0.0
    passed = float(np.median((wanted[telling] - target) / (power[telling] - own)))
    return max(target - max(passed, 1.0) * own, 0.0)


def draw_shot_noise(light: FloatImage, photons: float, rng: np.random.Generator) -> FloatImage:
    """Draw what counting photons adds to linear light: mean 0, variance light / photons.

    `photons` are those of a pixel at the white level; below 0 there is no light and no noise.
    """
    expected = np.maximum(light, 0).astype(np.float64) * photons
    return ((rng.poisson(expected) - expected) / photons).astype(np.float32)


def draw_read_noise(
    shape: tuple[int, int], deviation: float, rng: np.random.Generator
) -> FloatImage:
    """Draw what reading the camera adds, with a deviation that is a share of the white level."""
    return np.float32(deviation) * rng.standard_normal(shape, dtype=np.float32)
