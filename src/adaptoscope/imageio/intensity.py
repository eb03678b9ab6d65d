"""Stored counts of a camera and the unit interval that the networks see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError

BIT_DEPTHS = (8, 16)


@dataclass(frozen=True)
class IntensityScale:
    """The stored counts that mean 0 and 1.

    Parameters
    ----------
    low
        Stored count that means 0.
    high
        Stored count that means 1; above ``low``.
    bit_depth
        Bits of the file's container, 8 or 16.
    """

    low: float
    high: float
    bit_depth: int

    def __post_init__(self) -> None:
        """Refuse a scale that cannot be inverted."""
        if self.bit_depth not in BIT_DEPTHS:
            raise InputError(
                "The bit depth of an image is not one that can be stored without loss.",
                expected="8 or 16",
                found=str(self.bit_depth),
                remedy="save the image as 8- or 16-bit unsigned integers",
            )
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.high > self.low):
            raise InputError(
                "An intensity scale needs a high count above its low count.",
                expected="low < high, both finite",
                found=f"low {self.low}, high {self.high}",
                remedy="correct intensity_low and intensity_high, or leave both empty",
            )

    @classmethod
    def full_range(cls, bit_depth: int) -> IntensityScale:
        """Return the scale on which the largest count of the container means 1.

        Parameters
        ----------
        bit_depth
            8 or 16.

        Returns
        -------
        IntensityScale
            From 0 to 255 or 65535.
        """
        return cls(low=0.0, high=float(2**bit_depth - 1), bit_depth=bit_depth)

    def to_unit(self, stored: NDArray[np.generic]) -> NDArray[np.float32]:
        """Map stored counts linearly, so that ``low`` becomes 0 and ``high`` becomes 1.

        Parameters
        ----------
        stored
            Counts, any shape.

        Returns
        -------
        numpy.ndarray
            Same shape, float32. Counts outside the scale leave [0, 1]; nothing is clipped.
        """
        if stored.dtype not in (np.uint8, np.uint16) or stored.size <= 2**16:
            return self._to_unit(stored.astype(np.float64))
        # The same numbers from a table, without a copy in double precision.
        counts = np.arange(2 ** (8 * stored.dtype.itemsize), dtype=np.float64)
        return np.take(self._to_unit(counts), stored)  # type: ignore[arg-type]

    def _to_unit(self, counts: NDArray[np.float64]) -> NDArray[np.float32]:
        unit: NDArray[np.float32] = ((counts - self.low) / (self.high - self.low)).astype(
            np.float32
        )
        return unit

    def to_stored(self, unit: NDArray[np.floating]) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Undo `to_unit`, rounding half to even and clipping to the container's range.

        Parameters
        ----------
        unit
            Any shape, where 0 means ``low`` and 1 means ``high``; finite.

        Returns
        -------
        numpy.ndarray
            Same shape, uint8 or uint16.
        """
        counts = np.rint(unit.astype(np.float64) * (self.high - self.low) + self.low)
        if self.bit_depth == 8:
            return np.clip(counts, 0, 255).astype(np.uint8)
        return np.clip(counts, 0, 65535).astype(np.uint16)


def robust_range(
    pixels: NDArray[np.generic], low: float = 0.1, high: float = 99.9
) -> tuple[float, float]:
    """Measure the darkest and brightest intensity, leaving out a few extreme pixels.

    Where the two percentiles meet, as in an image that is dark but for a few pixels, the full
    range of the image is taken; a constant image gives an interval of width 1.

    Parameters
    ----------
    pixels
        Any shape, at least one value, finite.
    low, high
        Percentiles, ``0 <= low < high <= 100``.

    Returns
    -------
    tuple of float
        Darkest and brightest intensity; the second is always above the first.
    """
    values = np.asarray(pixels, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        raise InputError(
            "The intensity range of an image cannot be measured.",
            expected="at least one pixel, all of them finite",
            found="no pixel" if values.size == 0 else "pixels that are NaN or infinite",
            remedy="leave this image out or export it again from the microscope",
        )
    darkest, brightest = (float(value) for value in np.percentile(values, [low, high]))
    if brightest <= darkest:
        darkest, brightest = float(values.min()), float(values.max())
    if brightest <= darkest:
        brightest = darkest + 1.0
    return darkest, brightest
