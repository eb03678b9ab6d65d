"""How closely a predicted stain follows the true one, pixel by pixel: Pearson's correlation.

An image whose truth is constant has no correlation: NaN, left out of means and reported apart. A
constant prediction of a truth that varies has none by the formula either, but counts as 0, since it
tells nothing of the truth; left out, a network that collapsed would lose its worst images from the
mean.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray

# Fisher's z of a perfect image would be infinite, and the mean 1 whatever the others are.
_LARGEST_CORRELATION = 1 - 1e-6
# Values that differ by less than this share of their size differ by rounding only.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PixelMoments:
    """What the correlation of pixels needs to know of them; two of these add up to that of both.

    Means (0 where there is no pixel), and sums over the pixels of the squared deviations from them
    and of the product of both deviations.
    """

    n: int = 0
    mean_predicted: float = 0.0
    mean_true: float = 0.0
    square_predicted: float = 0.0
    square_true: float = 0.0
    product: float = 0.0

    @classmethod
    def of(cls, predicted: npt.ArrayLike, true: npt.ArrayLike) -> PixelMoments:
        """Measure the pixels of one image: equal shapes, any unit, finite."""
        guess, truth = paired_pixels(predicted, true)
        if not guess.size:
            return cls()
        mean_guess, about_guess = _centred(guess)
        mean_truth, about_truth = _centred(truth)
        return cls(
            n=int(guess.size),
            mean_predicted=mean_guess,
            mean_true=mean_truth,
            square_predicted=float(about_guess @ about_guess),
            square_true=float(about_truth @ about_truth),
            product=float(about_guess @ about_truth),
        )

    def __add__(self, other: PixelMoments) -> PixelMoments:
        """Return the moments of the pixels of both (Chan, Golub and LeVeque, 1983)."""
        n = self.n + other.n
        if not (self.n and other.n):
            return self if self.n else other
        step_predicted = other.mean_predicted - self.mean_predicted
        step_true = other.mean_true - self.mean_true
        share, weight = other.n / n, self.n * other.n / n
        return PixelMoments(
            n=n,
            mean_predicted=self.mean_predicted + share * step_predicted,
            mean_true=self.mean_true + share * step_true,
            square_predicted=self.square_predicted
            + other.square_predicted
            + weight * step_predicted**2,
            square_true=self.square_true + other.square_true + weight * step_true**2,
            product=self.product + other.product + weight * step_predicted * step_true,
        )

    @property
    def pearson(self) -> float:
        """Pearson's correlation, -1 to 1; NaN for a constant truth, 0 for a constant prediction."""
        if self.square_true <= 0:
            return float("nan")
        if self.square_predicted <= 0:
            return 0.0
        scale = float(np.sqrt(self.square_predicted) * np.sqrt(self.square_true))
        return float(np.clip(self.product / scale, -1.0, 1.0)) if scale > 0 else 0.0


def pearson(predicted: npt.ArrayLike, true: npt.ArrayLike) -> float:
    """Return Pearson's correlation of the pixels of one image, as `PixelMoments.pearson`."""
    return PixelMoments.of(predicted, true).pearson


def pearson_after(predicted: npt.ArrayLike, true: npt.ArrayLike, baseline: npt.ArrayLike) -> float:
    """Return Pearson's correlation of what a prediction and the truth add to a baseline.

    Where a trivial guess is close to the truth already, such as cells on a fixed grid or the given
    image itself, the plain correlation is high for every method; this one tells what is learnt. It
    is NaN where the truth is the baseline but for a constant, 0 where only the prediction is.
    """
    known, truth = paired_pixels(baseline, true)
    guess, _ = paired_pixels(predicted, true)
    return pearson(guess - known, truth - known)


def fisher_mean(correlations: npt.ArrayLike) -> float:
    """Return the mean over images by Fisher's z: of inverse hyperbolic tangents, turned back.

    Near 1 the plain mean is drawn down by the few images that went wrong; z gives the differences
    between good ones more weight. Images without a correlation (NaN) are left out.
    """
    values = np.asarray(correlations, dtype=np.float64).ravel()
    values = values[~np.isnan(values)]
    if not len(values):
        warnings.warn("no image has a correlation: the mean is NaN", RuntimeWarning, stacklevel=2)
        return float("nan")
    values = np.clip(values, -_LARGEST_CORRELATION, _LARGEST_CORRELATION)
    return float(np.tanh(np.arctanh(values).mean()))


def paired_pixels(predicted: npt.ArrayLike, true: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the pixels of two images of one shape as float64, if they are finite."""
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if guess.shape != truth.shape:
        raise InputError(
            "A predicted and a true image are not of the same shape.",
            expected=f"shape {truth.shape}, as the truth",
            found=f"shape {guess.shape}",
            remedy="predict the whole image, or cut the truth to the same field",
        )
    if not (np.isfinite(guess).all() and np.isfinite(truth).all()):
        which = "the truth" if np.isfinite(guess).all() else "the prediction"
        raise InputError(
            "An image has pixels that are not numbers.",
            expected="finite values",
            found=f"NaN or infinity in {which}",
            remedy="leave the image out; a network that predicts such values has diverged",
        )
    return guess, truth


def _centred(values: FloatArray) -> tuple[float, FloatArray]:
    """Return the mean and the deviations from it in one row, all 0 for a constant image."""
    flat = values.ravel()
    low, high = float(flat.min()), float(flat.max())
    if high - low <= _ROUNDING * max(abs(low), abs(high)):
        return low, np.zeros_like(flat)
    mean = float(flat.mean())
    return mean, flat - mean
