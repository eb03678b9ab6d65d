"""How far predicted counts lie from true counts, image by image."""

import warnings
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray


@dataclass(frozen=True)
class CountErrors:
    """Errors of a set of predicted counts, in cells; all NaN but `n` without an image.

    `bias` is predicted minus true. `within_5` and `within_10` are the shares of images, 0 to 1,
    counted within 5 % and 10 % of the true count; without cells only if exactly none is predicted.
    `mape` is the mean of absolute error over true count, over images with cells. `r2` is the
    coefficient of determination: negative for a counter worse than the mean of the true counts, NaN
    where all of these are equal.
    """

    n: int
    mae: float
    rmse: float
    bias: float
    within_5: float
    within_10: float
    mape: float
    r2: float

    def as_dict(self) -> dict[str, int | float]:
        """Return the errors under the names that reports use."""
        return asdict(self)


def count_errors(predicted: npt.ArrayLike, true: npt.ArrayLike) -> CountErrors:
    """Compare predicted with true counts, shape (N,) each; fractions are kept.

    Every error is NaN, with a warning, where N is 0.
    """
    guess, truth = paired_counts(predicted, true)
    if guess.size == 0:
        warnings.warn("no image to compare: errors are NaN", RuntimeWarning, stacklevel=2)
        return CountErrors(0, *(float("nan"),) * 7)
    difference = guess - truth
    return CountErrors(
        n=int(guess.size),
        mae=float(np.abs(difference).mean()),
        rmse=float(np.sqrt(np.square(difference).mean())),
        bias=float(difference.mean()),
        within_5=share_within(guess, truth, 0.05),
        within_10=share_within(guess, truth, 0.10),
        mape=_mean_relative_error(guess, truth),
        r2=_determination(guess, truth),
    )


def share_within(predicted: npt.ArrayLike, true: npt.ArrayLike, tolerance: float) -> float:
    """Return the share of images, 0 to 1, off by at most ``tolerance`` times the truth.

    NaN, with a warning, where there is no image.
    """
    guess, truth = paired_counts(predicted, true)
    if guess.size == 0:
        warnings.warn("no image to compare: the share is NaN", RuntimeWarning, stacklevel=2)
        return float("nan")
    # 10 cells of 200 are 5 %, whatever 0.05 * 200 is in binary.
    slack = 1e-9 * np.maximum(truth, 1.0)
    slack[truth == 0] = 0.0
    return float((np.abs(guess - truth) <= tolerance * truth + slack).mean())


def _mean_relative_error(guess: FloatArray, truth: FloatArray) -> float:
    some = truth > 0
    if not some.any():
        return float("nan")
    return float((np.abs(guess - truth)[some] / truth[some]).mean())


def _determination(guess: FloatArray, truth: FloatArray) -> float:
    spread = float(np.square(truth - truth.mean()).sum())
    if spread == 0.0:
        return float("nan")
    return 1.0 - float(np.square(guess - truth).sum()) / spread


def paired_counts(predicted: npt.ArrayLike, true: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return counts of shape (N,) each as numbers, if they are usable."""
    guess = np.asarray(predicted, dtype=np.float64)
    truth = np.asarray(true, dtype=np.float64)
    if guess.ndim != 1 or guess.shape != truth.shape:
        raise InputError(
            "Predicted and true counts do not belong together.",
            expected="one predicted and one true count per image",
            found=f"shapes {guess.shape} and {truth.shape}",
        )
    if not (np.isfinite(guess).all() and np.isfinite(truth).all() and (truth >= 0).all()):
        raise InputError(
            "A count is not a usable number.",
            expected="finite counts, true counts not negative",
            found="NaN, infinity or a negative true count",
            remedy="Leave out images that could not be counted.",
        )
    return guess, truth
