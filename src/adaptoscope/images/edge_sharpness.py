"""How sharp the borders of cells are, without looking at their labels' exact outline.

The mean brightness around a cell is followed from outside to inside; averaging along the border
takes the noise away. A sharp step blurred by a Gaussian of standard deviation s rises by at most
1 / (sqrt(2 pi) s) of its height per pixel, so that a steepness is also a width.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.images.degradation import FloatImage

# How far a border is followed, and from when it is long enough to be averaged, by eye.
_REACH = (5, 16)
_REACH_DIAMETERS = 0.4
_LEAST_AREA = 12
_LEAST_RING = 6
_PIXEL_BLUR = 1 / 6
"""Variance, in squared pixels, of averaging over rings one pixel wide and of taking steps."""


def edge_sharpness(pixels: FloatImage, labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Measure the steepest rise at the border of every cell, relative to its height.

    Parameters
    ----------
    pixels
        Shape (H, W), any linear unit; cells brighter than what surrounds them.
    labels
        Label image, shape (H, W), 0 between the cells, as `segment_nuclei` gives it.

    Returns
    -------
    numpy.ndarray
        Shape (N,), in 1/px, between 0 and 1: the largest step of the mean brightness from one ring
        of a pixel's width to the next, divided by the whole rise. Small cells and those that touch
        others all round are left out.
    """
    if pixels.ndim != 2 or pixels.shape != labels.shape:
        raise InputError(
            "Image and label image do not belong together.",
            expected="two arrays of one shape (H, W)",
            found=f"shapes {pixels.shape} and {labels.shape}",
        )
    if not labels.any():
        return np.zeros(0)
    profiles = _profiles(pixels.astype(np.float64), labels)
    around = profiles.shape[1] // 2
    profiles = profiles[np.isfinite(profiles[:, around - 2 : around + 2]).all(axis=1)]
    if not len(profiles):
        return np.zeros(0)
    rise = np.nanmax(profiles[:, around:], axis=1) - np.nanmin(profiles[:, :around], axis=1)
    steepest = np.nanmax(np.diff(profiles, axis=1), axis=1)
    bright = rise > 0
    return np.asarray(np.clip(steepest[bright] / rise[bright], 0.0, 1.0))


def width_of_sharpness(sharpness: float) -> float:
    """Return the Gaussian blur in pixels that gives a sharp step this slope of `edge_sharpness`.

    What the measurement itself blurs is taken off.
    """
    width = 1 / (np.sqrt(2 * np.pi) * sharpness)
    return float(np.sqrt(max(width**2 - _PIXEL_BLUR, 0.0)))


def _profiles(pixels: NDArray[np.float64], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Mean brightness in rings from outside to inside, one row per cell, NaN where there is none.

    Shape (N, 2 * reach); the border lies between the two middle rings.
    """
    areas = np.bincount(labels.ravel())
    reach = _reach(areas[1:])
    inside = labels > 0
    outward, nearest = ndimage.distance_transform_edt(~inside, return_indices=True)
    inward = ndimage.distance_transform_edt(inside)
    ring = np.where(inside, reach - 1 + np.ceil(inward), reach - np.ceil(outward)).astype(int)
    owner = labels[tuple(nearest)].astype(int)
    used = (ring >= 0) & (ring < 2 * reach)
    place = owner[used] * (2 * reach) + ring[used]
    length = len(areas) * 2 * reach
    counts = np.bincount(place, minlength=length)
    sums = np.bincount(place, weights=pixels[used], minlength=length)
    means = np.where(counts >= _LEAST_RING, sums / np.maximum(counts, 1), np.nan)
    large = areas >= _LEAST_AREA
    large[0] = False
    profiles: NDArray[np.float64] = means.reshape(len(areas), -1)[large]
    return profiles


def _reach(areas: NDArray[np.int64]) -> int:
    """How many pixels inwards and outwards are looked at: most of a radius."""
    diameter = 2 * float(np.sqrt(np.median(areas[areas > 0]) / np.pi))
    return int(np.clip(round(_REACH_DIAMETERS * diameter), *_REACH))
