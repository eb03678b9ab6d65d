"""How often intervals hold what they promise, and how wide they are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import Interval


@dataclass(frozen=True)
class Coverage:
    """What `n` intervals turned out to be worth.

    The share of them that hold the true count, 0 to 1, with its exact 95 % binomial interval
    (Clopper and Pearson, 1934), and the median of width by count, where the count is at least 1;
    NaN where none is.
    """

    n: int
    share: float
    interval: Interval
    median_relative_width: float


def coverage(
    lower: npt.ArrayLike, upper: npt.ArrayLike, counts: npt.ArrayLike, true: npt.ArrayLike
) -> Coverage:
    """Compare intervals, both bounds included, with true counts; shape (N,) each, in cells.

    `counts` are those that the intervals were made for.
    """
    low, high, guess, truth = (
        np.asarray(each, dtype=np.float64) for each in (lower, upper, counts, true)
    )
    if not len(low) or len({len(low), len(high), len(guess), len(truth)}) != 1:
        raise InputError(
            "The coverage of intervals cannot be measured.",
            expected="one lower and upper bound, count and true count for each image",
            found=f"{len(low)}, {len(high)}, {len(guess)} and {len(truth)}",
        )
    held = int(((low <= truth) & (truth <= high)).sum())
    bounds = stats.binomtest(held, len(low)).proportion_ci(0.95, method="exact")
    some = guess >= 1
    widths = (high - low)[some] / guess[some]
    return Coverage(
        n=len(low),
        share=held / len(low),
        interval=Interval(held / len(low), float(bounds.low), float(bounds.high)),
        median_relative_width=float(np.median(widths)) if len(widths) else float("nan"),
    )
