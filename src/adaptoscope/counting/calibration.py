"""Intervals of single counts, from the errors on images that nothing was trained on."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from adaptoscope.metrics.counts import count_errors
from adaptoscope.training.settings import Settings

LEAST_IMAGES = 5
"""Fewest images that intervals are made from."""

LEVEL = 0.9
"""Share of new images whose true count an interval shall hold."""

# How errors grow with the count: as of Poisson counts, in proportion, or between.
_POWERS = (0.5, 0.75, 1.0)


class Calibration(Settings):
    """Errors of a counter on images that it was not trained on."""

    residuals: tuple[float, ...]
    """True minus predicted count, divided by the predicted count (at least 1) to the `power`."""

    power: float = Field(default=0.5, ge=0, le=1)
    """How errors grow with the count: 0.5 as those of independent cells, 1 in proportion."""

    origin: Literal["validation", "folds"] = "validation"
    """Whose errors these are: the counter's own on a `validation` split, or those of the counters
    of cross-validation, each on the images left out of its training (as in CV+; Barber et al.,
    2021). There they stand around the counter that is trained on all images."""

    def half_width(self, level: float = LEVEL) -> float:
        """Return the half-width of the intervals, as a multiple of count to the `power`.

        With too few residuals for the level the largest is returned, which covers n / (n + 1) of
        new images: fewer than 9 for 0.9, fewer than 19 for 0.95.
        """
        sizes = np.sort(np.abs(np.asarray(self.residuals)))
        rank = int(np.ceil((len(sizes) + 1) * level))
        return float(sizes[min(rank, len(sizes)) - 1])

    def interval(self, count: float, level: float = LEVEL) -> tuple[float, float]:
        """Return the lower and upper bound of one count, in cells, not below 0.

        They hold for images like those that the errors were measured on, and for no others.
        """
        reach = self.half_width(level) * max(count, 1.0) ** self.power
        return max(count - reach, 0.0), count + reach


def calibrate(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
    *,
    origin: Literal["validation", "folds"] = "validation",
) -> Calibration | None:
    """Return the calibration from counts of images; None for fewer than `LEAST_IMAGES` of them.

    The power is the one of 0.5, 0.75 and 1 by which the size of the residuals depends least on the
    count (Spearman's correlation).

    Parameters
    ----------
    predicted, true
        Counts of the same images, shape (N,).
    origin
        As in `Calibration`.
    """
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if len(guess) < LEAST_IMAGES:
        return None
    power = min(_POWERS, key=lambda each: abs(_dependence(guess, truth, each)))
    residuals = _residuals(guess, truth, power)
    rounded = tuple(round(float(value), 6) for value in residuals)
    return Calibration(residuals=rounded, power=power, origin=origin)


def measured_errors(predicted: npt.ArrayLike, true: npt.ArrayLike) -> dict[str, float]:
    """Return the errors of counts by name, as a record keeps them: those that are defined."""
    errors = count_errors(np.asarray(predicted, np.float64), np.asarray(true, np.float64)).as_dict()
    return {name: float(value) for name, value in errors.items() if np.isfinite(value)}


def _residuals(
    guess: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], power: float
) -> npt.NDArray[np.float64]:
    return np.asarray((truth - guess) / np.maximum(guess, 1.0) ** power)


def _dependence(
    guess: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], power: float
) -> float:
    sizes = np.abs(_residuals(guess, truth, power))
    if np.ptp(sizes) == 0 or np.ptp(guess) == 0:
        return 0.0
    # Imported here: counting needs the intervals, and not the second that this takes.
    from scipy import stats

    return float(stats.spearmanr(sizes, guess).statistic)
