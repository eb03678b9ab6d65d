"""How bright cells are above the ground around them, in stored intensity units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from adaptoscope.images.cell_centres import Points

DISC = 0.5
"""Radius of the disc that is a cell, in diameters."""

RING = 0.75
"""Inner radius of the ring of background, in diameters; by eye: beyond a cell's blurred rim."""

OUTER = (1.5, 3.0, 6.0)
"""Outer radius of the ring, in diameters: the first that leaves enough free pixels."""

LEAST_FREE = 20
"""Fewest free pixels of a ring: their median then errs by a quarter of the noise of one pixel."""


class Plane(Protocol):
    """Intensities of shape (H, W) of which parts can be had."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        ...

    def __getitem__(self, place: tuple[slice, slice], /) -> NDArray[Any]:
        """Return some rows and columns."""
        ...


@dataclass(frozen=True, eq=False)
class CellIntensities:
    """Of each cell, shape (N,), the mean above the background, and the ring that this came from.

    Parameters
    ----------
    mean
        Mean of the disc minus the median of the free pixels of the ring; NaN where there are none.
    ring_px
        Outer radius of the ring in pixels; NaN where no ring was free.
    """

    mean: NDArray[np.float64]
    ring_px: NDArray[np.float64]


def cell_intensities(plane: Plane, points: Points, diameter: float) -> CellIntensities:
    """Measure the cells of one plane.

    The disc of a cell holds the pixels whose centres lie within `DISC` diameters of its centre, and
    always the pixel that the centre is in. The ring holds those from `RING` to `OUTER` diameters
    that are farther than `RING` diameters from every centre of the image. It begins with the
    smallest outer radius and grows until it has `LEAST_FREE` pixels.

    Parameters
    ----------
    plane
        Shape (H, W), in any unit; the result is in the same.
    points
        Shape (N, 2), (row, column) in pixels, inside the image.
    diameter
        Of a cell, in pixels.
    """
    mean, ring = np.full(len(points), np.nan), np.full(len(points), np.nan)
    if not len(points):
        return CellIntensities(mean, ring)
    tree = cKDTree(points)
    for place, centre in enumerate(points):
        for outer in OUTER:
            shown, rows, columns = _around(plane, centre, outer * diameter)
            far = np.hypot(rows - centre[0], columns - centre[1])
            near = tree.query_ball_point(centre, (outer + RING) * diameter)
            free = (far >= RING * diameter) & (far <= outer * diameter)
            for other in points[near]:
                free &= np.hypot(rows - other[0], columns - other[1]) >= RING * diameter
            if free.sum() >= LEAST_FREE:
                disc = far <= DISC * diameter
                disc |= (np.rint(centre[0]) == rows) & (np.rint(centre[1]) == columns)
                mean[place] = shown[disc].mean() - np.median(shown[free])
                ring[place] = outer * diameter
                break
    return CellIntensities(mean, ring)


def _around(
    plane: Plane, centre: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the pixels around a point with their rows, shape (h, 1), and columns, (1, w)."""
    low = np.maximum(np.floor(centre - radius), 0).astype(int)
    high = np.minimum(np.ceil(centre + radius) + 1, plane.shape).astype(int)
    shown = plane[low[0] : high[0], low[1] : high[1]].astype(np.float64)
    rows, columns = np.ogrid[low[0] : high[0], low[1] : high[1]]
    return shown, rows.astype(np.float64), columns.astype(np.float64)
