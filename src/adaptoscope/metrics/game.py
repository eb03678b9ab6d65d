"""GAME, a counting error that sees where cells were counted, not only how many."""

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError


def grid_average_error(
    found: npt.ArrayLike,
    true: npt.ArrayLike,
    shape: tuple[int, int],
    level: int,
    *,
    weights: npt.ArrayLike | None = None,
) -> float:
    """Return the grid average mean error of one image (GAME; Guerrero-Gomez-Olmedo et al., 2015).

    The image is divided into 2^level x 2^level equal rectangles, and the absolute errors of their
    counts are added up. Level 0 is the absolute error of the image; no level is below the one
    before it, since errors that cancel in a rectangle need not in its quarters.

    Parameters
    ----------
    found, true
        Shapes (N, 2) and (M, 2), (row, column) in pixels, (0, 0) in the middle of the first pixel.
    shape
        Height and width of the image in pixels.
    weights
        Shape (N,), cells that each found place stands for, for a density; 1 each by default.
    """
    if level < 0:
        raise InputError(
            "There is no such grid.", expected="a level of 0 or more", found=str(level)
        )
    difference = _sums(found, shape, level, weights) - _sums(true, shape, level, None)
    return float(np.abs(difference).sum())


def _sums(
    places: npt.ArrayLike, shape: tuple[int, int], level: int, weights: npt.ArrayLike | None
) -> npt.NDArray[np.float64]:
    points = np.asarray(places, dtype=np.float64)
    points = points.reshape(0, 2) if points.size == 0 else points
    each = np.ones(len(points)) if weights is None else np.asarray(weights, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or each.shape != (len(points),):
        raise InputError(
            "The places of cells are not usable.",
            expected="shape (N, 2), and one weight for each",
            found=f"shape {points.shape} and weights of shape {each.shape}",
        )
    side = 2**level
    cells = np.floor((points + 0.5) / np.array(shape) * side).astype(np.int64)
    rows, columns = np.clip(cells, 0, side - 1).T
    sums = np.zeros((side, side))
    np.add.at(sums, (rows, columns), each)
    return sums
