"""The range of intensities in which the backbone sees an image, and the way back from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.imageio.intensity import IntensityRange, robust_range
from adaptoscope.images.measurement import segment_nuclei

LOWEST, HIGHEST = -0.3, 3.0
"""Shares of the range beyond which intensities are clipped before the backbone sees them."""

# Contrast of cells that stand out well, in deviations of the background; by eye.
_CELLS_IN_DEVIATIONS = 25.0
# Least range, for a constant image.
_STEP_OF_8_BITS = 1 / 255


@dataclass(frozen=True)
class BackboneRange(IntensityRange):
    """Intensities that the backbone sees as -1 (background) and +1 (bright cells).

    In the units of `MicroscopyImage.pixels`, that is [0, 1] of the stored range.
    """

    @classmethod
    def stored(cls) -> "BackboneRange":
        """Return the range of what a file can hold: -1 is 0, +1 the highest value of its depth."""
        return cls(0.0, 1.0)

    @classmethod
    def of_image(cls, pixels: NDArray[np.float32]) -> "BackboneRange":
        """Find the cells of an image, shape (H, W), and measure their brightness: `of_cells`."""
        return cls.of_cells(pixels, segment_nuclei(pixels)[0])

    @classmethod
    def of_cells(
        cls, pixels: NDArray[np.float32], mask: NDArray[np.integer] | None
    ) -> "BackboneRange":
        """Measure from the 1st percentile of an image, shape (H, W), to the 95th of its cells.

        A percentile of the whole image would lie in the noise where cells cover little of it: a
        single cell is seen as bright as many. The mask is above 0 inside the cells. One without a
        cell means that all is background, which then takes up no more of the range than beside
        cells that stand out well. Without a mask the 1st and the 99.8th percentile of the image are
        taken.
        """
        whole = cls(*robust_range(pixels, 1.0, 99.8))
        if mask is None:
            return whole
        low = float(np.percentile(pixels, 1.0))
        if not mask.any():
            return cls(low, low + max(_CELLS_IN_DEVIATIONS * float(pixels.std()), _STEP_OF_8_BITS))
        high = float(np.percentile(pixels[mask > 0], 95.0))
        return cls(low, high) if high > low else whole

    def to_model(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map image intensities to about [-1, 1]; extremes beyond three ranges are clipped."""
        return np.asarray(
            2 * np.clip(self.normalise(pixels), LOWEST, HIGHEST) - 1, dtype=np.float32
        )

    def from_model(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Undo `to_model`; the result is clipped to [0, 1]."""
        pixels = self.denormalise((values + 1) / 2)
        return np.asarray(np.clip(pixels, 0.0, 1.0), dtype=np.float32)
