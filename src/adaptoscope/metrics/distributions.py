"""Distances between two distributions of one quantity: intensities, sharpness of edges."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import wasserstein_distance

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray

Histogram = npt.NDArray[np.int64]

LEVELS = 65536
"""Steps into which [0, 1] is divided; every 8-bit count falls on a step of its own."""


@dataclass(frozen=True)
class HistogramDistance:
    """How much light has to be moved to turn one histogram into another.

    The first Wasserstein distance in units of [0, 1], and in standard deviations of the reference's
    intensities; that is NaN where those are all equal.
    """

    wasserstein: float
    relative: float


@dataclass(frozen=True)
class MedianDifference:
    """Medians of two samples (NaN: no value), and their difference, also over the reference."""

    median: float
    reference: float
    difference: float
    relative: float


def intensity_histogram(pixels: npt.NDArray[np.floating]) -> Histogram:
    """Count intensities in [0, 1], shape (65536,); values beyond count at the ends.

    Histograms of several images may be added.
    """
    if not np.isfinite(pixels).all():
        raise InputError("An image with NaN or infinite values has no histogram.")
    steps = np.rint(np.clip(pixels.astype(np.float64), 0, 1) * (LEVELS - 1)).astype(np.intp)
    return np.bincount(steps.ravel(), minlength=LEVELS).astype(np.int64)


def histogram_distance(first: npt.ArrayLike, reference: npt.ArrayLike) -> HistogramDistance:
    """Compare two histograms, as `intensity_histogram` gives them; their totals may differ."""
    one, other = _as_histogram(first), _as_histogram(reference)
    of_one, of_other = np.flatnonzero(one), np.flatnonzero(other)
    moved = float(wasserstein_distance(of_one, of_other, one[of_one], other[of_other]))
    spread = _standard_deviation(of_other, other[of_other])
    return HistogramDistance(
        wasserstein=moved / (LEVELS - 1),
        relative=moved / spread if spread > 0 else float("nan"),
    )


def median_difference(values: npt.ArrayLike, reference: npt.ArrayLike) -> MedianDifference:
    """Compare the medians of two samples, NaN among them left out.

    All NaN but the median that is known, where one sample has no value.
    """
    median, other = _median(values), _median(reference)
    difference = median - other
    return MedianDifference(
        median=median,
        reference=other,
        difference=difference,
        relative=difference / other if other else float("nan"),
    )


def _as_histogram(counts: npt.ArrayLike) -> FloatArray:
    histogram = np.asarray(counts, dtype=np.float64)
    if histogram.shape != (LEVELS,) or not (histogram >= 0).all() or not histogram.any():
        raise InputError(
            "The histograms cannot be compared.",
            expected=f"{LEVELS} counts of at least 0, not all of them 0",
            found=f"shape {histogram.shape}",
        )
    return histogram


def _standard_deviation(values: npt.NDArray[np.intp], weights: FloatArray) -> float:
    mean = np.average(values, weights=weights)
    return float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def _median(values: npt.ArrayLike) -> float:
    array = np.asarray(values, dtype=np.float64).ravel()
    known = array[~np.isnan(array)]
    return float(np.median(known)) if len(known) else float("nan")
