"""Lines between intensities: from stored counts, or a range of an image, to what is computed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError

# What cameras and the two file formats store.
BIT_DEPTHS = (8, 16)
# Beyond these values no counter looks: cells end near 1.
_LIMITS = (-1.0, 4.0)


@dataclass(frozen=True)
class IntensityRange:
    """Two intensities, in the unit of an image, and the line that takes them to 0 and 1."""

    low: float
    high: float

    def normalise(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Map intensities of any shape so that `low` becomes 0 and `high` 1, in their own type."""
        return (pixels - self.low) / (self.high - self.low)

    def denormalise(self, values: NDArray[Any]) -> NDArray[Any]:
        """Undo `normalise`."""
        return values * (self.high - self.low) + self.low

    def apply(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Normalise for a network, float32: clipped so that debris cannot dominate."""
        values: NDArray[np.float64] = self.normalise(pixels.astype(np.float64))
        return np.clip(values, *_LIMITS).astype(np.float32)


@dataclass(frozen=True)
class IntensityScale(IntensityRange):
    """The stored counts that mean 0 and 1, in a container of 8 or 16 bits."""

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
        """Return the scale on which the largest count of the container, 255 or 65535, means 1."""
        return cls(low=0.0, high=float(2**bit_depth - 1), bit_depth=bit_depth)

    def to_unit(self, stored: NDArray[np.generic]) -> NDArray[np.float32]:
        """Normalise stored counts of any shape to float32; nothing is clipped."""
        if stored.dtype not in (np.uint8, np.uint16) or stored.size <= 2**16:
            return self.normalise(stored.astype(np.float64)).astype(np.float32)
        # The same numbers from a table, without a copy in double precision.
        counts = np.arange(2 ** (8 * stored.dtype.itemsize), dtype=np.float64)
        table: NDArray[np.float32] = self.normalise(counts).astype(np.float32)
        return np.take(table, stored)  # type: ignore[arg-type]

    def to_stored(self, unit: NDArray[np.floating]) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Undo `to_unit`, rounding half to even and clipping to the container's range."""
        counts: NDArray[np.float64] = np.rint(self.denormalise(unit.astype(np.float64)))
        if self.bit_depth == 8:
            return np.clip(counts, 0, 255).astype(np.uint8)
        return np.clip(counts, 0, 65535).astype(np.uint16)


def robust_range(
    pixels: NDArray[np.generic], low: float = 0.1, high: float = 99.9
) -> tuple[float, float]:
    """Measure the darkest and brightest intensity, leaving out a few extreme pixels.

    `low` and `high` are percentiles. Where the two meet, as in an image that is dark but for a few
    pixels, the full range of the image is taken; a constant image gives an interval of width 1.
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
