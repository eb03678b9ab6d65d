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

# Resamples held in memory at once: a thousand of 500 images are 4 MB.
_BATCH = 1000


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
        Shape (N,) or (N, K): one entry or row per image. Without one all is NaN, with a warning.
    statistic
        Maps resampled values of the same shape to one number.
    level
        Share of the resamples inside the interval, between 0 and 1.
    strata
        Shape (N,), optional class of each image; every class keeps its number of images.
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
    classes = _members_of_classes(strata, len(array))
    if len(array) == 0:
        warnings.warn("no value to resample: the interval is NaN", RuntimeWarning, stacklevel=2)
        return Interval(float("nan"), float("nan"), float("nan"), level)
    generator = np.random.default_rng(seed)
    drawn: list[float] = []
    for begin in range(0, resamples, _BATCH):
        number = min(_BATCH, resamples - begin)
        places = np.concatenate(
            [
                members[generator.integers(0, len(members), (number, len(members)))]
                for members in classes
            ],
            axis=1,
        )
        if statistic is np.mean and array.ndim == 1:
            drawn.extend(array[places].mean(axis=1))
        else:
            drawn.extend(float(statistic(array[row])) for row in places)
    return percentile_interval(float(statistic(array)), drawn, level)


def percentile_interval(value: float, drawn: npt.ArrayLike, level: float) -> Interval:
    """Return a value between the quantiles of its resamples, NaN among them left out."""
    known = np.asarray(drawn, dtype=np.float64)
    known = known[~np.isnan(known)]
    bounds = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if known.size else [np.nan] * 2
    return Interval(value, float(bounds[0]), float(bounds[1]), level)


def mean_over_images(values: npt.ArrayLike, *, seed: int = 0, resamples: int = 10_000) -> Interval:
    """Return the mean over images and its 95 % bootstrap interval, NaN among them left out.

    A single image has no bounds, as it says nothing of others.
    """
    array = np.asarray(values, dtype=np.float64)
    known = array[~np.isnan(array)]
    if len(known) == 1:
        return Interval(float(known[0]), float("nan"), float("nan"), 0.95)
    return bootstrap_interval(known, seed=seed, resamples=resamples)


def _members_of_classes(strata: npt.ArrayLike | None, n: int) -> list[npt.NDArray[np.intp]]:
    """Return the places of each class among n values, classes in their sorted order."""
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
