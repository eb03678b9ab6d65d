"""Give a picture the intensities, the blur or the noise of another one, without any learning.

The simple ways that every learnt one has to beat. What is matched comes from one reference image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage import exposure

from adaptoscope.errors import InputError
from adaptoscope.images.degradation import FloatImage, blur
from adaptoscope.images.edges import edge_sharpness, width_of_sharpness
from adaptoscope.images.intensity import robust_range
from adaptoscope.images.measurement import background_level, segment_nuclei
from adaptoscope.images.noise import CameraNoise, add_noise, measure_noise

LOW, HIGH = 1.0, 99.8
"""Percentiles that stand for background and bright cells."""


@dataclass(frozen=True)
class Look:
    """What blur-and-noise matching takes from an image.

    Parameters
    ----------
    cells_per_mpx
        Nuclei seen per million pixels.
    background
        Level between the cells, in [0, 1].
    cells
        Median over the nuclei of their mean brightness, in [0, 1]; percentile 99.8 of the image
        where no nucleus is seen.
    edge_width
        Blur of the borders of cells as the standard deviation of a Gaussian, in pixels; NaN where
        no border is seen.
    noise
        Fine noise over the level.
    """

    cells_per_mpx: float
    background: float
    cells: float
    edge_width: float
    noise: CameraNoise


def measure_look(pixels: FloatImage) -> Look:
    """Measure background, cells, blur and noise of an image without labels.

    Parameters
    ----------
    pixels
        Bright nuclei on a dark ground, shape (H, W), in [0, 1].

    Raises
    ------
    InputError
        If the image is too small, not two-dimensional or not finite.
    """
    noise = measure_noise(pixels)
    background, cells, labels = _levels(pixels)
    sharpness = edge_sharpness(pixels, labels)
    width = width_of_sharpness(float(np.median(sharpness))) if len(sharpness) else float("nan")
    return Look(float(labels.max()) / pixels.size * 1e6, background, cells, width, noise)


def match_percentiles(
    pixels: FloatImage, reference: FloatImage, *, low: float = LOW, high: float = HIGH
) -> FloatImage:
    """Map intensities linearly, so that two percentiles become those of a reference.

    Parameters
    ----------
    pixels, reference
        Shapes (H, W), any, in [0, 1].
    low, high
        The percentiles.

    Returns
    -------
    FloatImage
        Shape of `pixels`, clipped to [0, 1].
    """
    darkest, brightest = robust_range(pixels, low, high)
    to_low, to_high = robust_range(reference, low, high)
    share = (pixels - darkest) / (brightest - darkest)
    return _unit(share * (to_high - to_low) + to_low)


def match_histogram(pixels: FloatImage, reference: FloatImage) -> FloatImage:
    """Map intensities, rank by rank, to the histogram of a reference.

    Parameters
    ----------
    pixels, reference
        Shapes (H, W), any, in [0, 1].

    Returns
    -------
    FloatImage
        Shape of `pixels`, in [0, 1].
    """
    if pixels.ndim != 2 or reference.ndim != 2 or not pixels.size or not reference.size:
        raise InputError(
            "The histograms cannot be matched.",
            expected="two images of one channel",
            found=f"shapes {pixels.shape} and {reference.shape}",
        )
    return _unit(exposure.match_histograms(pixels, reference))


def match_blur_and_noise(
    pixels: FloatImage, look: Look, rng: np.random.Generator, *, bit_depth: int
) -> FloatImage:
    """Blur a picture until its borders are as soft as those of a reference, then add its noise.

    Between the two steps background and cells are brought linearly to the reference's levels.

    Parameters
    ----------
    pixels
        The drawing, shape (H, W), in [0, 1].
    look
        Of the reference; one without a known edge width leaves the blur as it is.
    rng
        Source of the noise.
    bit_depth
        Bits of the file to be written, whose rounding makes a part of the noise.

    Returns
    -------
    FloatImage
        Shape (H, W), clipped to [0, 1].
    """
    softened = blur(pixels, missing_blur(measure_look(pixels).edge_width, look.edge_width))
    background, cells, _ = _levels(softened)
    gain = (look.cells - look.background) / (cells - background) if cells > background else 1.0
    level = (softened - np.float32(background)) * np.float32(gain) + np.float32(look.background)
    noise = look.noise.without_rounding(bit_depth)
    return _unit(add_noise(level, noise, rng, present=measure_noise(level)))


def missing_blur(present: float, wanted: float) -> float:
    """Return the blur that takes one edge width to another: variances add up.

    Parameters
    ----------
    present, wanted
        Standard deviations in pixels; NaN where not known.

    Returns
    -------
    float
        Standard deviation in pixels; 0 where there is nothing to add, or nothing known.
    """
    known = np.isfinite(wanted)
    missing = wanted**2 - (present**2 if np.isfinite(present) else 0.0)
    return float(np.sqrt(missing)) if known and missing > 0 else 0.0


def _levels(pixels: FloatImage) -> tuple[float, float, NDArray[np.int32]]:
    """Background, brightness of the cells, and the cells themselves."""
    background = background_level(pixels)[0]
    labels, _ = segment_nuclei(pixels)
    number = int(labels.max())
    if not number:
        return background, float(np.percentile(pixels, HIGH)), labels
    sums = np.bincount(labels.ravel(), weights=pixels.ravel())[1:]
    means = sums / np.maximum(np.bincount(labels.ravel())[1:], 1)
    return background, float(np.median(means)), labels


def _unit(pixels: NDArray[np.floating]) -> FloatImage:
    return np.asarray(np.clip(pixels, 0, 1), dtype=np.float32)
