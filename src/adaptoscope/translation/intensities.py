"""Data-set-wide intensities: stored counts of a microscope and the interval that networks see.

One pair of constants serves all images of a set, and stays with the model: a brighter cell stays
brighter, and predicted stains can be given back in the counts of the training set.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from adaptoscope.imageio.intensity import robust_range
from adaptoscope.training.settings import Settings

FloatImage = NDArray[np.float32]
_PIXELS = 4_000_000


class IntensityInterval(Settings):
    """Two intensities, as shares of the stored range, that become -1 and 1."""

    low: float
    """Becomes -1."""

    high: float = Field(gt=0)
    """Becomes 1; above `low`."""

    def to_network(self, pixels: FloatImage) -> FloatImage:
        """Map intensities linearly; nothing is clipped.

        Parameters
        ----------
        pixels
            Any shape, in [0, 1] of the stored range.

        Returns
        -------
        numpy.ndarray
            Same shape, float32, mostly in [-1, 1].
        """
        scaled = (pixels - np.float32(self.low)) * np.float32(2 / (self.high - self.low))
        return np.asarray(scaled - np.float32(1), dtype=np.float32)

    def to_stored_range(self, values: FloatImage) -> FloatImage:
        """Undo `to_network`.

        Parameters
        ----------
        values
            Any shape, in [-1, 1].

        Returns
        -------
        numpy.ndarray
            Same shape, float32, shares of the stored range.
        """
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
    """Measure the constants of one channel over all its images.

    Parameters
    ----------
    images
        Images of any size, in [0, 1] of the stored range.
    low, high
        Percentiles that become -1 and 1.

    Returns
    -------
    IntensityInterval
        Over at most four million pixels, evenly spaced over those of all images.
    """
    found = robust_range(pooled_pixels(images), low, high)
    return IntensityInterval(low=found[0], high=found[1])


def pooled_pixels(images: Iterable[FloatImage]) -> FloatImage:
    """Return pixels of all images of a set: at most about four million, evenly spaced.

    Returns
    -------
    numpy.ndarray
        Shape (N,).
    """
    planes: Sequence[FloatImage] = [np.asarray(image).ravel() for image in images]
    step = max(1, sum(plane.size for plane in planes) // _PIXELS)
    return np.concatenate([plane[::step] for plane in planes])
