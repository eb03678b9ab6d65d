"""Bring images of any exposure to one range: background near 0, cells near 1."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.images.medians import median, otsu_threshold, robust_deviation
from adaptoscope.images.noise import second_differences
from adaptoscope.images.planes import check_plane

Image = npt.NDArray[np.floating]

# Noise without cells then spans at most a third of the range, and never looks like cells.
_NOISE_DEVIATIONS = 10.0
# A quarter of a normal background below zero is where the median deviation begins to shrink.
_CLIPPED_SHARE = 0.25


def measure_range(pixels: Image) -> IntensityRange:
    """Measure where the background and the cells of one image, shape (H, W), finite, lie.

    Low is the median of the background (below Otsu's threshold); high is the percentile 99.9 of
    the slightly blurred image, but at least ten background deviations and three stored steps above
    low, so that an image without cells is not stretched until its noise looks like cells. Where
    more than a quarter of the background is clipped at 0, the deviation is that of all other
    pixels, from second differences, in which cells count little.
    """
    check_plane(pixels, "measured for its range of intensities")
    smooth = ndimage.gaussian_filter(pixels.astype(np.float64), 1.0)
    if np.ptp(pixels) == 0:
        return IntensityRange(float(pixels.flat[0]), float(pixels.flat[0]) + 1.0)
    below = smooth <= otsu_threshold(smooth)
    background = pixels[below] if below.any() else pixels.ravel()
    low = float(median(background))
    noise = max(
        robust_deviation(background, about=low), _deviation_left_by_clipping(pixels, background)
    )
    # A deviation above 0 is more than the quarter of a step, whose search has to sort the image.
    noise = noise or 0.3 * _quantum(pixels)
    bright = float(np.percentile(smooth, 99.9)) - low
    return IntensityRange(low, low + max(bright, _NOISE_DEVIATIONS * noise))


def common_range(ranges: list[IntensityRange]) -> IntensityRange:
    """Return one range for a whole set: the medians of the images' own."""
    if not ranges:
        raise InputError("The intensity range of a set without images was asked for.")
    low = float(np.median([one.low for one in ranges]))
    return IntensityRange(low, low + float(np.median([one.high - one.low for one in ranges])))


def _deviation_left_by_clipping(pixels: Image, background: Image) -> float:
    """Return the noise of the pixels above 0 where the background is clipped there, else 0."""
    if pixels.min() < 0 or np.mean(background == 0) <= _CLIPPED_SHARE:
        return 0.0
    return robust_deviation(second_differences(pixels.astype(np.float64))[pixels > 0], about=0.0)


def _quantum(pixels: Image) -> float:
    """Return the smallest step between two intensities that occur."""
    return float(np.diff(np.unique(pixels)).min())
