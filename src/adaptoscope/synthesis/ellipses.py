"""Which pixels an ellipse covers, for many ellipses at once and only where they can be.

A pixel belongs to an ellipse if its centre lies inside or on it. All ellipses of a batch share one
box size, so that a batch is a plain array; a box reaches past the canvas where its ellipse does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Half of the root of 2, rounded up.
HALF_PIXEL_DIAGONAL = 0.70711


@dataclass(frozen=True)
class Ellipses:
    """Ellipses on a canvas, one entry each, shapes (N,): centres and semi-axes in pixels.

    The first axis lies along the columns at angle 0; angles are in radians.
    """

    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    first_axes: NDArray[np.float64]
    second_axes: NDArray[np.float64]
    angles: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of ellipses."""
        return len(self.rows)

    def chosen(self, which: NDArray[np.int64]) -> "Ellipses":
        """Return the ellipses with the given indices."""
        return Ellipses(
            self.rows[which],
            self.columns[which],
            self.first_axes[which],
            self.second_axes[which],
            self.angles[which],
        )


def quadratic_form(
    first_axis: NDArray[np.float64], second_axis: NDArray[np.float64], angle: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Write ellipses as ``p * down**2 + q * down * right + r * right**2 <= 1``; return p, q, r."""
    cosine, sine = np.cos(angle), np.sin(angle)
    first, second = 1 / (first_axis * first_axis), 1 / (second_axis * second_axis)
    down_squared = sine * sine * first + cosine * cosine * second
    mixed = 2 * sine * cosine * (first - second)
    right_squared = cosine * cosine * first + sine * sine * second
    return down_squared, mixed, right_squared


def cover(
    ellipses: Ellipses, reach: int, shape: tuple[int, int], margin: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Cut each ellipse out of the canvas as a small box.

    Parameters
    ----------
    reach
        Pixels from the centre's pixel to the border of the box; at least the longest
        semi-axis, rounded (half up).
    margin
        Pixels around the canvas in the arrays that the places point into; at least `reach`.

    Returns
    -------
    covered
        Pixels of each box that are inside its ellipse and inside the canvas, shape (N, B * B).
    places
        Index of each box pixel in the flattened canvas with its margin, shape (N, B * B).
    """
    steps = np.arange(-reach, reach + 1)
    rows = np.floor(ellipses.rows + 0.5).astype(np.int64)[:, None] + steps
    columns = np.floor(ellipses.columns + 0.5).astype(np.int64)[:, None] + steps
    down, right = rows - ellipses.rows[:, None], columns - ellipses.columns[:, None]
    form = quadratic_form(ellipses.first_axes, ellipses.second_axes, ellipses.angles)
    down_squared, mixed, right_squared = (coefficient[:, None] for coefficient in form)
    value = (mixed * down)[:, :, None] * right[:, None, :]
    value += (down_squared * (down * down))[:, :, None]
    value += (right_squared * (right * right))[:, None, :]
    covered = value <= 1.0
    covered &= ((rows >= 0) & (rows < shape[0]))[:, :, None]
    covered &= ((columns >= 0) & (columns < shape[1]))[:, None, :]
    row_starts = (rows + margin) * (shape[1] + 2 * margin) + margin
    places = row_starts[:, :, None] + columns[:, None, :]
    pixels = len(steps) ** 2
    return covered.reshape(-1, pixels), places.reshape(-1, pixels)


def count_true(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the true entries of each row; eight at once, several times faster than a sum."""
    eights = np.bitwise_count(np.packbits(rows, axis=1))
    return np.asarray(eights.sum(axis=1, dtype=np.int64), dtype=np.int64)


def largest_pixel_number(
    first_axes: NDArray[np.float64], second_axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bound the number of pixels that an ellipse can cover, wherever it lies.

    The unit squares of all covered pixels lie within half a pixel diagonal of the ellipse; the area
    of that widened ellipse follows from its perimeter, itself at most
    ``pi * sqrt(2 * (a**2 + b**2))``.
    """
    widened = first_axes * second_axes
    widened = widened + HALF_PIXEL_DIAGONAL * np.sqrt(2 * (first_axes**2 + second_axes**2))
    return np.asarray(np.pi * (widened + HALF_PIXEL_DIAGONAL**2), dtype=np.float64)


def disc_offsets(radius: float) -> NDArray[np.int64]:
    """Give the pixel offsets that every ellipse with semi-axes of at least `radius` covers.

    (row, column) from the pixel that holds the centre, shape (K, 2); none where an ellipse is too
    small to be sure of any pixel.
    """
    sure = radius - HALF_PIXEL_DIAGONAL
    reach = int(max(sure, 0)) + 1
    steps = np.arange(-reach, reach + 1)
    down, right = np.meshgrid(steps, steps, indexing="ij")
    inside = np.hypot(down, right) <= sure
    return np.stack([down[inside], right[inside]], axis=1)
