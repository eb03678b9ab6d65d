"""Light from the dark level (0) to the white level (1) of a whole data set."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityRange

FloatImage = NDArray[np.float32]

# A few hot or dead pixels among thousands must not set the levels.
PERCENTILES = (0.1, 99.9)
# Counts of 8 and of 16 bits both lie on the grid of 16 bits.
_LEVELS = 2**16


@dataclass(frozen=True)
class LinearLight(IntensityRange):
    """The dark (low) and the white (high) level of a data set, as shares of the stored range."""

    @classmethod
    def of_images(
        cls, images: Iterable[FloatImage], dark: Literal["zero", "percentile"] = "percentile"
    ) -> "LinearLight":
        """Measure the white level of a set, the percentile 99.9 of all its pixels.

        The dark level is a stored zero, or the percentile 0.1. Where the two meet, the darkest and
        the brightest pixel are taken; a set of one intensity gets a range of width 1. Pixels are in
        [0, 1] of the stored range, and one image is held at a time.
        """
        numbers = np.zeros(_LEVELS, dtype=np.int64)
        for pixels in images:
            counts = np.rint(np.asarray(pixels, np.float64) * (_LEVELS - 1)).astype(np.int64)
            numbers += np.bincount(counts.ravel(), minlength=_LEVELS)
        if not numbers.sum():
            raise InputError("The light of a set without pixels was asked for.")
        low, white = (_percentile(numbers, share) / (_LEVELS - 1) for share in PERCENTILES)
        if white <= low:
            low, white = (float(np.flatnonzero(numbers)[i]) / (_LEVELS - 1) for i in (0, -1))
        low = 0.0 if dark == "zero" else low
        return cls(low, white if white > low else low + 1.0)

    def to_linear(self, pixels: FloatImage) -> FloatImage:
        """Map shares of the stored range to linear light; nothing is clipped."""
        return np.asarray(self.normalise(np.asarray(pixels, np.float64)), np.float32)

    def to_stored_range(self, light: FloatImage) -> FloatImage:
        """Undo `to_linear`."""
        return np.asarray(self.denormalise(np.asarray(light, np.float64)), np.float32)


def _percentile(numbers: NDArray[np.int64], percent: float) -> float:
    """Return a percentile of values of which a histogram is known, as numpy.percentile does."""
    ends = np.cumsum(numbers)
    place = (int(ends[-1]) - 1) * percent / 100
    below, above = (
        int(np.searchsorted(ends, rank, side="right")) for rank in (np.floor(place), np.ceil(place))
    )
    return below + (above - below) * float(place - np.floor(place))
