"""Bootstrap intervals: how sure a figure measured on a few images is."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError

FloatArray = npt.NDArray[np.float64]
Statistic = Callable[[Any], Any]


@dataclass(frozen=True)
class Interval:
    """A value with its lower and upper bound at a stated level."""

    value: float
    lower: float
    upper: float
    level: float = 0.95

    def __str__(self) -> str:
        """Return ``value [lower, upper]`` with two decimals."""
        return f"{self.value:.2f} [{self.lower:.2f}, {self.upper:.2f}]"


def bootstrap_interval(
    values: npt.ArrayLike,
    statistic: Statistic = np.mean,
    *,
    seed: int,
    resamples: int = 10_000,
    level: float = 0.95,
    strata: npt.ArrayLike | None = None,
) -> Interval:
    """Return the percentile bootstrap interval of a statistic over images.

    Parameters
    ----------
    values
        Shape (N,) or (N, K): one entry or row per image.
    statistic
        Maps resampled values of the same shape to one number.
    seed
        Equal seeds give equal intervals.
    resamples
        Number of draws with replacement.
    level
        Share of the draws inside the interval, between 0 and 1.
    strata
        Shape (N,), optional class of each image; every class keeps its number of images.

    Returns
    -------
    Interval
        All NaN, with a warning, where N is 0.

    Raises
    ------
    InputError
        ``level``, ``resamples`` or the length of ``strata`` is out of range.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        raise InputError("No list of values was given.", expected="shape (N,) or (N, K)")
    if not 0 < level < 1 or resamples < 1:
        raise InputError(
            "The interval is not defined.",
            expected="a level between 0 and 1 and at least one resample",
            found=f"level {level}, {resamples} resamples",
        )
    if len(array) == 0:
        warnings.warn("no value to resample: the interval is NaN", RuntimeWarning, stacklevel=2)
        return Interval(float("nan"), float("nan"), float("nan"), level)
    classes = members_of_classes(strata, len(array))
    generator = np.random.default_rng(seed)
    draws = np.array([float(statistic(array[_draw(classes, generator)])) for _ in range(resamples)])
    lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(array)), float(lower), float(upper), level)


def mean_over_images(values: npt.ArrayLike, *, seed: int = 0, resamples: int = 10_000) -> Interval:
    """Return the mean over images and its 95 % bootstrap interval.

    Parameters
    ----------
    values
        Shape (N,), one entry per image; NaN where it has none, which is left out.
    seed, resamples
        As in `bootstrap_interval`.

    Returns
    -------
    Interval
        Without bounds (NaN) where a single image is left, which says nothing of others; all NaN,
        with a warning, where none is.
    """
    array = np.asarray(values, dtype=np.float64)
    known = array[~np.isnan(array)]
    if len(known) == 1:
        return Interval(float(known[0]), float("nan"), float("nan"), 0.95)
    return bootstrap_interval(known, seed=seed, resamples=resamples)


def members_of_classes(strata: npt.ArrayLike | None, n: int) -> list[npt.NDArray[np.intp]]:
    """Return the places of each class among n values, classes in their sorted order.

    Parameters
    ----------
    strata
        Shape (n,), or None for one class of all.
    n
        Number of values.

    Raises
    ------
    InputError
        There is not one class for each value.
    """
    if strata is None:
        return [np.arange(n)]
    labels = np.asarray(strata)
    if labels.shape != (n,):
        raise InputError(
            "The classes do not belong to the values.",
            expected=f"{n} classes",
            found=f"shape {labels.shape}",
        )
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _draw(
    classes: list[npt.NDArray[np.intp]], generator: np.random.Generator
) -> npt.NDArray[np.intp]:
    return np.concatenate(
        [members[generator.integers(0, len(members), len(members))] for members in classes]
    )
