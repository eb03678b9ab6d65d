"""Whether one method counts better than another on the same images, and how sure that is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import Interval, bootstrap_interval

LEAST_COMPARED = 5
"""Fewest images whose interval says which of two methods is nearer: with four images a bootstrap
has only 35 different resamples."""


@dataclass(frozen=True)
class PairedDifference:
    """How much more one method is off than another over `n` images that both counted.

    The mean absolute error of the first minus that of the second, in cells per image, with its
    interval; negative where the first is better.
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
    """Compare the mean absolute errors of two methods, counts of shape (N,) of the same images."""
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

    Both have shape (N,), for example the absolute errors of two counters; the other parameters are
    those of `bootstrap_interval`. An interval that does not hold 0 says that the two differ.
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
    return bootstrap_interval(
        difference, seed=seed, resamples=resamples, level=level, strata=strata
    )
