"""What a network sees of an image: constants of a data set, or intensities fitted to each image."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from adaptoscope.imageio.intensity import IntensityScale, robust_range
from adaptoscope.images.matching import match_histogram
from adaptoscope.training.settings import Settings
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, pooled_pixels

FloatImage = NDArray[np.float32]
QUANTILES = 1024
"""So many intensities, each as frequent as the next, stand for a histogram."""


class Preparation(Settings):
    """How the intensities of an image become those that a network sees."""

    kind: Literal["constants", "per_image", "histogram"] = "constants"
    """The `constants` of a data set; the percentiles 0.1 and 99.9 of every image itself
    (`per_image`); or the constants, after each image got the `histogram` of a data set."""

    quantiles: tuple[float, ...] = ()
    """With `histogram`: evenly spaced quantiles of the data set, shares of the stored range."""

    @model_validator(mode="after")
    def _quantiles_belong_to_histograms(self) -> "Preparation":
        if (self.kind == "histogram") != bool(self.quantiles):
            raise ValueError("quantiles belong to the kind histogram, and to no other")
        return self


def measure_histogram(images: Iterable[FloatImage]) -> Preparation:
    """Measure the pooled histogram of a data set, which images shall get.

    Parameters
    ----------
    images
        Images of any size, in [0, 1] of the stored range.
    """
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    found = np.quantile(pooled_pixels(images), shares)
    return Preparation(kind="histogram", quantiles=tuple(round(float(each), 6) for each in found))


def prepared(
    pixels: FloatImage, interval: IntensityInterval, preparation: Preparation
) -> FloatImage:
    """Return an image as a network sees it.

    Parameters
    ----------
    pixels
        Shape (H, W), in [0, 1] of the stored range.

    Returns
    -------
    numpy.ndarray
        Same shape, float32, mostly in [-1, 1].
    """
    if preparation.kind == "per_image":
        low, high = robust_range(pixels)
        return IntensityInterval(low=low, high=high).to_network(pixels)
    if preparation.kind == "histogram":
        pixels = _with_histogram(pixels, preparation.quantiles)
    return interval.to_network(pixels)


def prepared_field(field: Field, preparation: Preparation) -> Field:
    """Return a field whose image has the histogram of a data set, for training on it.

    Parameters
    ----------
    preparation
        Of the kind `histogram` or `constants`; the second leaves the field as it is.

    Returns
    -------
    Field
        With 16-bit counts, whatever the field had.
    """
    if preparation.kind == "per_image":
        raise ValueError("images prepared one by one have no common range to be stored in")
    if preparation.kind == "constants":
        return field
    pixels = _with_histogram(field.pixels, preparation.quantiles)
    return dataclasses.replace(field, given=IntensityScale.full_range(16).to_stored(pixels))


def _with_histogram(pixels: FloatImage, quantiles: tuple[float, ...]) -> FloatImage:
    if pixels.min() == pixels.max():
        # All ranks at once: the middle of the histogram, where matching would take its end.
        return np.full_like(pixels, np.median(quantiles))
    return match_histogram(pixels, np.array([quantiles], dtype=np.float32))
