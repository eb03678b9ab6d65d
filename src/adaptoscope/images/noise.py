"""Noise that grows with brightness, as cameras have it: measured on one image, drawn anew.

A camera's variance is a constant (reading, rounding) plus a share of the level (photons).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.images.degradation import FloatImage
from adaptoscope.images.planes import check_plane

# Immerkaer's kernel; the root of its sum of squares is 6.
_SECOND_DIFFERENCES = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
# Shares of the intensities between which noise is measured apart, finer where cells are few; a
# second difference of four times the first estimate is structure.
_LEVELS = np.array([0, 0.25, 0.5, 0.75, 0.9, 0.96, 0.99, 1.0])
_OUTLIER = 4.0
_LEAST_PIXELS = 16


@dataclass(frozen=True)
class CameraNoise:
    """Variance of the noise as a straight line over the level.

    Attributes
    ----------
    constant
        Variance at level 0, in squared units of the image; may be below zero where the camera's
        offset is not at 0.
    slope
        Variance per unit of level, at least 0; for a linear camera the stored intensity of one
        electron.
    """

    constant: float
    slope: float

    def variance(self, level: FloatImage) -> FloatImage:
        """Return the variance at every pixel of a noise-free image, never below 0."""
        line = self.constant + self.slope * np.asarray(level, dtype=np.float64)
        return np.asarray(np.maximum(line, 0), dtype=np.float32)

    def without_rounding(self, bit_depth: int) -> "CameraNoise":
        """Return the noise that was there before a file rounded it to whole counts."""
        return CameraNoise(self.constant - 1 / 12 / (2.0**bit_depth - 1) ** 2, self.slope)


def second_differences(pixels: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return second differences along both axes, in which noise of deviation 1 keeps deviation 1.

    Of smooth cells and slow changes of light little is left in them (Immerkaer, 1996).
    """
    kernel = _SECOND_DIFFERENCES.astype(pixels.dtype) / 6
    differences: NDArray[np.floating] = ndimage.convolve(pixels, kernel)
    return differences


def measure_noise(pixels: FloatImage) -> CameraNoise:
    """Measure how fine noise depends on the level, in squared units of an image of 16 x 16 or more.

    The second differences are averaged between quantiles of the smoothed image and a line is
    fitted, each level weighted by its number of pixels and the precision of a variance. The mean is
    taken, since the median of whole counts moves in large steps where noise is below one count. On
    an image of one level the slope is 0.
    """
    check_plane(pixels, "measured for its noise", least=16)
    size = np.abs(second_differences(pixels.astype(np.float32))).ravel()
    smooth = ndimage.gaussian_filter(pixels.astype(np.float32), 1.5).ravel()
    levels, variances, weights = [], [], []
    edges = np.quantile(smooth, _LEVELS)
    for low, high in pairwise(edges):
        inside = (smooth >= low) & (smooth <= high)
        if np.count_nonzero(inside) >= _LEAST_PIXELS:
            levels.append(float(np.mean(smooth[inside])))
            variances.append(_variance(size[inside]))
            weights.append(float(np.count_nonzero(inside)))
    return _line(np.array(levels), np.array(variances), np.array(weights))


def add_camera_noise(
    pixels: FloatImage,
    noise: CameraNoise,
    rng: np.random.Generator,
    *,
    present: CameraNoise | None = None,
) -> FloatImage:
    """Add fresh Gaussian noise whose variance follows the level, without clipping.

    Of the noise that is `present` already only what is missing is added.
    """
    level = np.maximum(pixels, 0).astype(np.float32)
    missing = noise.variance(level)
    if present is not None:
        missing = np.maximum(missing - present.variance(level), 0)
    drawn = rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.asarray(pixels + np.sqrt(missing) * drawn, dtype=np.float32)


def _variance(sizes: NDArray[np.float32]) -> float:
    """Variance from mean absolute values, without the outliers that edges are."""
    scale = float(np.sqrt(np.pi / 2))
    first = scale * float(sizes.mean())
    kept = sizes[sizes <= _OUTLIER * first]
    return (scale * float(kept.mean())) ** 2


def _line(
    levels: NDArray[np.float64], variances: NDArray[np.float64], weights: NDArray[np.float64]
) -> CameraNoise:
    precision = weights / np.maximum(variances, 0.2 * variances.max() + 1e-30) ** 2
    precision /= precision.sum()
    level, variance = float(precision @ levels), float(precision @ variances)
    spread = float(precision @ (levels - level) ** 2)
    tie = float(precision @ ((levels - level) * (variances - variance)))
    slope = max(tie / spread, 0.0) if spread > 1e-12 * (1e-30 + level**2) else 0.0
    return CameraNoise(variance - slope * level, slope)
