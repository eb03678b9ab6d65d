"""How far two ways of counting agree image by image (Bland and Altman, 1986)."""

from dataclasses import dataclass

import numpy.typing as npt

from adaptoscope.metrics.counts import paired_counts

# Nineteen of twenty differences of a normal distribution lie within so many deviations.
_DEVIATIONS = 1.96


@dataclass(frozen=True)
class Agreement:
    """Bias (predicted minus true) and limits of agreement, in cells.

    The 95 % limits are the bias less and plus 1.96 deviations of the differences. About nineteen of
    twenty images lie between them where differences are spread normally and as widely for few cells
    as for many. NaN with fewer than two images, the bias only without one.
    """

    bias: float
    lower: float
    upper: float


def limits_of_agreement(predicted: npt.ArrayLike, true: npt.ArrayLike) -> Agreement:
    """Return the bias and the 95 % limits of agreement of counts, shape (N,) each."""
    guess, truth = paired_counts(predicted, true)
    difference = guess - truth
    bias = float(difference.mean()) if len(difference) else float("nan")
    spread = float(difference.std(ddof=1)) if len(difference) > 1 else float("nan")
    return Agreement(bias, bias - _DEVIATIONS * spread, bias + _DEVIATIONS * spread)
