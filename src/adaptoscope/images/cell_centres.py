"""Cell centres as arrays of (row, column), and their numbers in windows.

Pixel ``(r, c)`` covers the half-open square ``[r - 0.5, r + 0.5) x [c - 0.5, c + 0.5)``, so
(0, 0) is the centre of the top-left pixel and every centre inside an image belongs to exactly one
pixel, and to exactly one window of a partition.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adaptoscope.errors import InputError

Points = NDArray[np.float64]

EXCHANGE = (
    "exchange the names x and y in the first line of points.csv, or write a new set with "
    "`adaptoscope convert SET NEW --layout folder --swap-axes`"
)
"""What to do where x and y are exchanged."""


def no_points() -> Points:
    """Return the centres of an image without cells, shape (0, 2)."""
    return np.empty((0, 2), dtype=np.float64)


def as_points(points: ArrayLike) -> Points:
    """Return pairs of (row, column) in pixels as an array of shape (N, 2), float64."""
    array = np.asarray(points, dtype=np.float64)
    if array.size == 0:
        return no_points()
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
        raise InputError(
            "Cell centres are not pairs of finite coordinates.",
            expected="shape (N, 2), (row, column) in pixels",
            found=f"shape {array.shape}"
            + ("" if np.isfinite(array).all() else ", with values that are NaN or infinite"),
            remedy="correct the table of points",
        )
    return array


def check_points(points: ArrayLike, shape: tuple[int, int], *, name: str = "the image") -> Points:
    """Return centres as `as_points` does, if all of them lie inside an image of `shape`."""
    array = as_points(points)
    height, width = shape
    outside = ~inside_window(array, 0, 0, height, width)
    if outside.any():
        row, column = array[int(np.argmax(outside))]
        raise InputError(
            f"{int(outside.sum())} of {len(array)} cell centres of {name} lie outside the image.",
            expected=f"-0.5 <= x < {width - 0.5}, -0.5 <= y < {height - 0.5} "
            "(x = column, y = row, 0 = centre of the first pixel)",
            found=f"x = {column:g}, y = {row:g}",
            remedy=_remedy_outside(array, shape),
        )
    return array


def _remedy_outside(points: Points, shape: tuple[int, int]) -> str:
    """Say what the likely mistake is: swapped axes where all points would fit so."""
    if inside_window(points[:, ::-1], 0, 0, *shape).all():
        return f"x and y seem to be swapped, as all points fit the other way round: {EXCHANGE}"
    return "correct points.csv; check that the coordinates are in pixels, not micrometres"


def inside_window(
    points: Points, top: int, left: int, height: int, width: int
) -> NDArray[np.bool_]:
    """Tell which centres, shape (N, 2), lie in a window of the image; shape (N,)."""
    rows, columns = points[:, 0] + 0.5, points[:, 1] + 0.5
    inside: NDArray[np.bool_] = (
        (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    )
    return inside


def points_in_window(points: Points, top: int, left: int, height: int, width: int) -> Points:
    """Cut out the centres of a window and give them in pixels from its top-left one."""
    inside = points[inside_window(points, top, left, height, width)]
    return np.asarray(inside - np.array([top, left], dtype=np.float64))


def centres_of_labels(labels: NDArray[np.integer]) -> Points:
    """Find the centre of mass, (row, column), of every cell of a label image, 0 between them.

    In the order of the labels.
    """
    rows, columns = np.nonzero(labels)
    if rows.size == 0:
        return no_points()
    _, cell = np.unique(labels[rows, columns], return_inverse=True)
    area = np.bincount(cell)
    return np.stack(
        [np.bincount(cell, weights=rows) / area, np.bincount(cell, weights=columns) / area], axis=1
    )
