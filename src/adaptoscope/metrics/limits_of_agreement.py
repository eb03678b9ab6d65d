"""How far two ways of counting agree image by image (Bland and Altman, 1986)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError

# Nineteen of twenty differences of a normal distribution lie within so many deviations.
_DEVIATIONS = 1.96


@dataclass(frozen=True)
class Agreement:
    """Bias and limits of agreement, in cells.

    Parameters
    ----------
    bias
        Mean of predicted minus true; NaN without an image.
    lower, upper
        95 % limits of agreement: the bias less and plus 1.96 deviations of the differences. About
        nineteen of twenty images lie between them where differences are spread normally and as
        widely for few cells as for many. NaN with fewer than two images.
    """

    bias: float
    lower: float
    upper: float


def limits_of_agreement(predicted: npt.ArrayLike, true: npt.ArrayLike) -> Agreement:
    """Return the bias and the 95 % limits of agreement of counts, shape (N,) each."""
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if guess.ndim != 1 or guess.shape != truth.shape or not np.isfinite(guess - truth).all():
        raise InputError(
            "Predicted and true counts do not belong together.",
            expected="one finite predicted and one finite true count per image",
            found=f"shapes {guess.shape} and {truth.shape}",
        )
    difference = guess - truth
    bias = float(difference.mean()) if len(difference) else float("nan")
    spread = float(difference.std(ddof=1)) if len(difference) > 1 else float("nan")
    return Agreement(bias, bias - _DEVIATIONS * spread, bias + _DEVIATIONS * spread)
