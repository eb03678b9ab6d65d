"""How far predicted intensities of a stain lie from the true ones.

Both images have one shape, any unit, finite values and at least one pixel. All errors are taken on
one range, that of the whole data set: the largest less the smallest intensity, in the same unit. A
range of each image for itself would forgive errors in bright images and punish them in dark ones.
"""

import numpy as np
import numpy.typing as npt
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from adaptoscope.errors import InputError
from adaptoscope.metrics.correlation import paired_pixels
from adaptoscope.metrics.intervals import FloatArray

# Window of Wang et al. (2004): a Gaussian of 1.5 pixels, cut at 11.
_SIGMA = 1.5
WINDOW = 11
"""Side of the Gaussian window of the structural similarity, in pixels."""


def ssim(predicted: npt.ArrayLike, true: npt.ArrayLike, *, data_range: float) -> float:
    """Return the structural similarity, -1 to 1, of two images (H, W) (Wang et al., 2004).

    Constants 0.01 and 0.03; the mean over pixels at least 5 from the border.
    """
    guess, truth = paired_pixels(predicted, true)
    if guess.ndim != 2 or min(guess.shape) < WINDOW:
        raise InputError(
            "The structural similarity of an image is not defined.",
            expected=f"one channel of at least {WINDOW} x {WINDOW} pixels",
            found=f"shape {guess.shape}",
        )
    found = structural_similarity(
        truth,
        guess,
        data_range=_checked(data_range),
        gaussian_weights=True,
        sigma=_SIGMA,
        use_sample_covariance=False,
    )
    return float(found)


def psnr(predicted: npt.ArrayLike, true: npt.ArrayLike, *, data_range: float) -> float:
    """Return the peak signal-to-noise ratio in decibels, infinite for equal images."""
    guess, truth = _some_pixels(predicted, true)
    with np.errstate(divide="ignore"):
        return float(peak_signal_noise_ratio(truth, guess, data_range=_checked(data_range)))


def nrmse(predicted: npt.ArrayLike, true: npt.ArrayLike, *, data_range: float) -> float:
    """Return the root of the mean squared error over the range of the data set."""
    guess, truth = _some_pixels(predicted, true)
    return float(np.sqrt(np.square(guess - truth).mean())) / _checked(data_range)


def mean_absolute_error(predicted: npt.ArrayLike, true: npt.ArrayLike) -> float:
    """Return the mean absolute error, in the unit of the images."""
    guess, truth = _some_pixels(predicted, true)
    return float(np.abs(guess - truth).mean())


def _some_pixels(predicted: npt.ArrayLike, true: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    guess, truth = paired_pixels(predicted, true)
    if not guess.size:
        raise InputError("An image has no pixel.", expected="at least one", found="none")
    return guess, truth


def _checked(data_range: float) -> float:
    if not (np.isfinite(data_range) and data_range > 0):
        raise InputError(
            "The intensity range of the data set is not usable.",
            expected="a finite number above 0: the largest less the smallest intensity",
            found=str(data_range),
        )
    return float(data_range)
