"""What a set of fields, real or simulated, tells about its nuclei and its microscope."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.degradation import FloatImage
from adaptoscope.images.edge_sharpness import edge_sharpness, width_of_sharpness
from adaptoscope.images.measurement import background_level, mean_of_labels, segment_nuclei
from adaptoscope.images.noise import measure_noise
from adaptoscope.images.set_measures import refuse_no_nuclei

# Distance of the quartiles of a normal distribution, in deviations.
_NORMAL_QUARTILES = 1.349


@dataclass(frozen=True)
class FieldMeasures:
    """Measures of a set of fields: medians over its images where nothing else is said.

    Lengths are in pixels, intensities in stored counts; spreads are standard deviations of
    logarithms, from quartiles.

    Attributes
    ----------
    cells_per_mpx, density_spread
        Mean density over images, and its spread between them.
    background
        Level between the cells.
    contrast, contrast_spread, nucleus_spread
        Median over the nuclei of their mean brightness above the background, and its spread
        between images and between the nuclei of an image.
    edge_width
        Blur of the borders as the standard deviation of a Gaussian.
    noise_variance
        Variance of the fine noise at the background's level, rounding included.
    noise_slope
        Variance per count of level: counts per electron of a linear camera.
    """

    images: int
    diameter: float
    cells_per_mpx: float
    density_spread: float
    background: float
    contrast: float
    contrast_spread: float
    nucleus_spread: float
    edge_width: float
    noise_variance: float
    noise_slope: float


def measure_fields(pictures: Iterable[FloatImage], bit_depth: int) -> FieldMeasures:
    """Measure images in [0, 1] of the stored range, real or simulated, in the same way."""
    rows = np.array([_measure(pixels, 2.0**bit_depth - 1) for pixels in pictures])
    seen = rows[np.isfinite(rows).all(axis=1)]
    refuse_no_nuclei(len(seen), len(rows), "give the settings yourself")
    diameter, _, background, contrast, spread, width, noise, slope = np.median(seen, axis=0)
    return FieldMeasures(
        images=len(rows),
        diameter=float(diameter),
        cells_per_mpx=float(rows[:, 1].mean()),
        density_spread=_log_spread(seen[:, 1]),
        background=float(background),
        contrast=float(contrast),
        contrast_spread=_log_spread(seen[:, 3]),
        nucleus_spread=float(spread),
        edge_width=float(width),
        noise_variance=float(noise),
        noise_slope=float(slope),
    )


def _measure(pixels: FloatImage, largest: float) -> tuple[float, ...]:
    """Return what `measure_fields` gathers of one image; NaN where no nucleus is seen."""
    labels, diameter = segment_nuclei(pixels)
    background = background_level(pixels)[0]
    noise = measure_noise(pixels)
    number = int(labels.max())
    sharpness = edge_sharpness(pixels, labels)
    contrast = spread = width = float("nan")
    if number and len(sharpness):
        above = mean_of_labels(pixels, labels) - background
        contrast, spread = float(np.median(above)), _log_spread(above)
        width = width_of_sharpness(float(np.median(sharpness)))
    return (
        diameter,
        number / pixels.size * 1e6,
        background * largest,
        contrast * largest,
        spread,
        width,
        float(noise.variance(np.array([background], np.float32))[0]) * largest**2,
        noise.slope * largest,
    )


def _log_spread(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of logarithms of positive values, from their quartiles."""
    positive = values[values > 0]
    if len(positive) < 2:
        return 0.0
    lower, upper = np.quantile(np.log(positive), [0.25, 0.75])
    return float((upper - lower) / _NORMAL_QUARTILES)
