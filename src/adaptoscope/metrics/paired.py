"""Whether one method counts better than another on the same images, and how sure that is."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray, Interval, members_of_classes

# Resamples drawn at once, so that memory does not grow with their number.
_BATCH = 1000


LEAST_COMPARED = 5
"""Fewest images whose bootstrap interval says which of two methods is nearer."""


@dataclass(frozen=True)
class PairedDifference:
    """How much more one method is off than another, in cells per image.

    Parameters
    ----------
    n
        Number of images that both counted.
    difference
        Mean absolute error of the first minus that of the second, with its interval; negative
        where the first is better.
    """

    n: int
    difference: Interval

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies wholly on one side of 0; False where it is NaN."""
        return self.difference.lower > 0 or self.difference.upper < 0

    @property
    def tells_apart(self) -> bool:
        """Whether the interval excludes 0 and comes from images enough to mean something."""
        return self.excludes_zero and self.n >= LEAST_COMPARED


def compare_errors(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    true: npt.ArrayLike,
    *,
    seed: int,
    strata: npt.ArrayLike | None = None,
    resamples: int = 10_000,
    level: float = 0.95,
) -> PairedDifference:
    """Compare the mean absolute errors of two methods on the same images.

    Parameters
    ----------
    first, second
        Shape (N,), counts of the two methods.
    true
        Shape (N,), true counts of the same images in the same order.
    seed, strata, resamples, level
        As in `paired_bootstrap`.

    Raises
    ------
    InputError
        The three are not of one shape (N,), or a count is not finite.
    """
    one, other, truth = (np.asarray(each, dtype=np.float64) for each in (first, second, true))
    if not one.shape == other.shape == truth.shape:
        raise InputError(
            "The counts are not about the same images.",
            expected="two predicted counts and one true count for each image",
            found=f"shapes {one.shape}, {other.shape} and {truth.shape}",
        )
    difference = paired_bootstrap(
        np.abs(one - truth),
        np.abs(other - truth),
        seed=seed,
        strata=strata,
        resamples=resamples,
        level=level,
    )
    return PairedDifference(len(truth), difference)


def paired_bootstrap(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    seed: int,
    strata: npt.ArrayLike | None = None,
    resamples: int = 10_000,
    level: float = 0.95,
) -> Interval:
    """Return the mean of ``first - second`` over the same images, with its percentile interval.

    Parameters
    ----------
    first, second
        Shape (N,), for example the absolute errors of two counters on the same N images.
    seed
        Equal seeds give equal intervals.
    strata
        Shape (N,), optional class of each image; every class keeps its number of images.
    resamples
        Number of draws of images with replacement.
    level
        Share of the draws inside the interval, between 0 and 1.

    Returns
    -------
    Interval
        One that does not hold 0 says that the two differ. All NaN, with a warning, where N is 0.

    Raises
    ------
    InputError
        The two are not of one shape (N,), a value is not finite, or ``level``, ``resamples`` or
        the length of ``strata`` is out of range.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise InputError(
            "The two lists are not about the same images.",
            expected="two lists of one length",
            found=f"shapes {one.shape} and {other.shape}",
        )
    difference = one - other
    if not np.isfinite(difference).all():
        raise InputError("A value is not a finite number.", expected="finite numbers for all")
    if not 0 < level < 1 or resamples < 1:
        raise InputError(
            "The interval is not defined.",
            expected="a level between 0 and 1 and at least one resample",
            found=f"level {level}, {resamples} resamples",
        )
    classes = members_of_classes(strata, len(difference))
    if not len(difference):
        warnings.warn("no image to compare: the interval is NaN", RuntimeWarning, stacklevel=2)
        return Interval(float("nan"), float("nan"), float("nan"), level)
    means = _resampled_means([difference[members] for members in classes], seed, resamples)
    lower, upper = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(difference.mean()), float(lower), float(upper), level)


def _resampled_means(classes: list[FloatArray], seed: int, resamples: int) -> FloatArray:
    """Return the mean of every resample, shape (resamples,)."""
    generator = np.random.default_rng(seed)
    number = sum(len(values) for values in classes)
    sums = np.zeros(resamples)
    for begin in range(0, resamples, _BATCH):
        batch = sums[begin : begin + _BATCH]
        for values in classes:
            drawn = generator.integers(0, len(values), (len(batch), len(values)))
            batch += values[drawn].sum(axis=1)
    return sums / number
