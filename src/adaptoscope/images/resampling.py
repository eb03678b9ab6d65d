"""Change the size of images in parts, so that the parts fit together without seams."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adaptoscope.imageio.large_images import Pixels

if TYPE_CHECKING:
    from scipy import sparse

FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class Resampling:
    """A change of size, linear between pixels, blurred first where it makes an image smaller.

    Every pixel of the result depends on its place alone, so any part may be computed by itself.
    """

    shape: tuple[int, int]
    new_shape: tuple[int, int]

    def part(self, pixels: Pixels, top: int, left: int, height: int, width: int) -> FloatImage:
        """Compute a part of the image at its new size, shape (height, width), float32.

        Of `pixels`, the whole image before, only what is needed is read. The place of the part is
        in pixels of the new size and must lie inside.
        """
        if self.shape == self.new_shape:
            same = pixels[top : top + height, left : left + width]
            return np.asarray(same, dtype=np.float32)
        rows, row_weights = _weights(self.shape[0], self.new_shape[0], top, height)
        columns, column_weights = _weights(self.shape[1], self.new_shape[1], left, width)
        known = np.asarray(pixels[rows, columns], dtype=np.float32)
        return np.ascontiguousarray((column_weights @ (row_weights @ known).T).T)

    def points_before(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points of the new size, shape (N, 2), lie in the image before."""
        ratio = np.array(self.shape) / np.array(self.new_shape)
        return np.asarray((points + 0.5) * ratio - 0.5)

    def points_after(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points of the image before lie at its new size."""
        ratio = np.array(self.new_shape) / np.array(self.shape)
        return np.asarray((points + 0.5) * ratio - 0.5)


def scaled(shape: tuple[int, int], factor: float) -> Resampling:
    """Return the change of size by a factor, at least to one pixel."""
    height, width = (max(1, round(side * factor)) for side in shape)
    return Resampling(shape, (height, width))


def _weights(before: int, after: int, first: int, number: int) -> tuple[slice, "sparse.csr_array"]:
    """Return the pixels that a run of new pixels depends on, and their shares, rows adding to 1."""
    # Images at their working size already need none of this.
    from scipy import sparse

    ratio = before / after
    middles = (np.arange(first, first + number) + 0.5) * ratio - 0.5
    reach = max(1.0, ratio)
    low = max(0, int(np.floor(middles[0] - reach)))
    high = min(before, int(np.ceil(middles[-1] + reach)) + 1)
    nearest = np.floor(middles - reach).astype(np.int64)
    sources = nearest[:, None] + np.arange(int(2 * reach) + 3)
    shares = np.maximum(0.0, 1.0 - np.abs(sources - middles[:, None]) / reach)
    shares[(sources < low) | (sources >= high)] = 0.0
    shares /= shares.sum(axis=1, keepdims=True)
    # Few pixels count for each new one; a full matrix would be nearly all zeros.
    row, place = np.nonzero(shares)
    entries = (shares[row, place].astype(np.float32), (row, sources[row, place] - low))
    return slice(low, high), sparse.csr_array(entries, shape=(number, high - low))
