"""The figures of virtual staining: of one image, and of a set with its interval."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from adaptoscope.metrics.correlation import PixelMoments, fisher_mean
from adaptoscope.metrics.intervals import Interval, mean_over_images
from adaptoscope.metrics.stain_errors import mean_absolute_error, nrmse, psnr, ssim


@dataclass(frozen=True)
class StainedImage:
    """How one predicted image agrees with its truth; errors as in `stain_errors`."""

    moments: PixelMoments
    ssim: float
    psnr: float
    nrmse: float
    mae: float

    @property
    def pearson(self) -> float:
        """Pearson's correlation; NaN for a constant truth, 0 for a constant prediction."""
        return self.moments.pearson


@dataclass(frozen=True)
class StainAgreement:
    """How the predicted images of a set agree with their truth.

    Parameters
    ----------
    pearson, pearson_interval, pearson_fisher
        Mean over images of the correlation of predicted and true pixels, with its 95 % bootstrap
        interval, and the mean by Fisher's z. Images of constant truth are left out, constant
        predictions count as 0; NaN where no image is left.
    pearson_pooled
        The correlation over the pixels of all images together, those of constant truth as well.
    ssim, psnr, nrmse, mae
        Means over all images; ``psnr`` is infinite where one image is predicted without error.
    constant, flat
        Numbers of images whose truth is constant, and of others whose prediction is.
    """

    n: int
    pearson: float
    pearson_interval: Interval
    pearson_fisher: float
    pearson_pooled: float
    ssim: float
    psnr: float
    nrmse: float
    mae: float
    constant: int
    flat: int

    def as_dict(self) -> dict[str, object]:
        """Return the figures under the names that reports use, the interval as its two bounds."""
        bounds = [self.pearson_interval.lower, self.pearson_interval.upper]
        return {**asdict(self), "pearson_interval": bounds}


def compare_stains(
    predicted: npt.ArrayLike, true: npt.ArrayLike, *, data_range: float
) -> StainedImage:
    """Compare a predicted image with its truth, both (H, W) of at least 11 x 11 finite pixels.

    The data range is the largest less the smallest intensity of the data set, in the same unit.
    """
    return StainedImage(
        moments=PixelMoments.of(predicted, true),
        ssim=ssim(predicted, true, data_range=data_range),
        psnr=psnr(predicted, true, data_range=data_range),
        nrmse=nrmse(predicted, true, data_range=data_range),
        mae=mean_absolute_error(predicted, true),
    )


def stain_agreement(
    images: Sequence[StainedImage], *, seed: int = 0, resamples: int = 10_000
) -> StainAgreement:
    """Gather the figures of single images; all NaN, with a warning, where there is none."""
    correlations = np.array([image.pearson for image in images], dtype=np.float64)
    defined = correlations[~np.isnan(correlations)]
    if not len(defined):
        warnings.warn("no image has a correlation: it is NaN", RuntimeWarning, stacklevel=2)
    with warnings.catch_warnings():
        # Said above once for all.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = mean_over_images(defined, seed=seed, resamples=resamples)
        fisher = fisher_mean(defined)
    together = reduce(add, (image.moments for image in images), PixelMoments())
    flat = [image.moments.square_predicted <= 0 < image.moments.square_true for image in images]
    means = {
        name: float(np.mean([getattr(image, name) for image in images])) if images else np.nan
        for name in ("ssim", "psnr", "nrmse", "mae")
    }
    return StainAgreement(
        n=len(images),
        pearson=interval.value,
        pearson_interval=interval,
        pearson_fisher=fisher,
        pearson_pooled=together.pearson,
        **means,
        constant=len(correlations) - len(defined),
        flat=sum(flat),
    )
