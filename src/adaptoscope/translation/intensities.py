"""Intensities that networks see: constants of a data set, or fitted to each image.

Usually one pair of constants serves all images of a set, and stays with the model: a brighter cell
stays brighter, and predicted stains can be given back in the counts of the training set.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from adaptoscope.imageio.intensity import IntensityScale, robust_range
from adaptoscope.images.matching import match_histogram
from adaptoscope.training.settings import Settings
from adaptoscope.translation.fields import Field as ImageField

FloatImage = NDArray[np.float32]
# Bounds the memory; a percentile 0.1 of so many rests on 4,000 pixels.
_PIXELS = 4_000_000
QUANTILES = 1024
"""So many intensities, each as frequent as the next, stand for a histogram."""


class IntensityInterval(Settings):
    """Two intensities, as shares of the stored range, that become -1 and 1."""

    low: float
    """Becomes -1."""

    high: float = Field(gt=0)
    """Becomes 1; above `low`."""

    def to_network(self, pixels: FloatImage) -> FloatImage:
        """Map shares of the stored range linearly, mostly to [-1, 1]; nothing is clipped."""
        scaled = (pixels - np.float32(self.low)) * np.float32(2 / (self.high - self.low))
        return np.asarray(scaled - np.float32(1), dtype=np.float32)

    def to_stored_range(self, values: FloatImage) -> FloatImage:
        """Undo `to_network`."""
        half = np.float32((self.high - self.low) / 2)
        return np.asarray((values + np.float32(1)) * half + np.float32(self.low), dtype=np.float32)


class StainIntensities(Settings):
    """The constants of a data set, which a model keeps."""

    bit_depth: int
    """Bits of the files that the shares refer to, 8 or 16."""

    given: IntensityInterval
    """Of the images of light microscopy."""

    stains: dict[str, IntensityInterval]
    """Of each stain by name, in the order of the output channels."""


def measure_interval(
    images: Iterable[FloatImage], low: float = 0.1, high: float = 99.9
) -> IntensityInterval:
    """Measure the constants of one channel over all its images, in [0, 1] of the stored range.

    The percentiles `low` and `high` of at most about four million pixels, evenly spaced over all.
    """
    found = robust_range(pool_pixels(images), low, high)
    return IntensityInterval(low=found[0], high=found[1])


def pool_pixels(images: Iterable[FloatImage]) -> FloatImage:
    """Return pixels of all images, shape (N,): at most about four million, evenly spaced."""
    planes: Sequence[FloatImage] = [np.asarray(image).ravel() for image in images]
    step = max(1, sum(plane.size for plane in planes) // _PIXELS)
    return np.concatenate([plane[::step] for plane in planes])


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
    """Measure the pooled histogram of a set, which others shall get; [0, 1] of the stored range."""
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    found = np.quantile(pool_pixels(images), shares)
    return Preparation(kind="histogram", quantiles=tuple(round(float(each), 6) for each in found))


def prepare_pixels(
    pixels: FloatImage, interval: IntensityInterval, preparation: Preparation
) -> FloatImage:
    """Return an image (H, W) as a network sees it: float32, mostly in [-1, 1].

    It is given in [0, 1] of the stored range.
    """
    if preparation.kind == "per_image":
        low, high = robust_range(pixels)
        return IntensityInterval(low=low, high=high).to_network(pixels)
    if preparation.kind == "histogram":
        pixels = _with_histogram(pixels, preparation.quantiles)
    return interval.to_network(pixels)


def prepare_field(field: ImageField, preparation: Preparation) -> ImageField:
    """Return a field whose image has the histogram of a data set, for training on it.

    In 16-bit counts, whatever it had; `constants` leave the field as it is.
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
