"""Read a density of cells as centres: its peaks."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from adaptoscope.images.cell_centres import Points, no_points

SPREAD = 1.0
"""Standard deviation of a cell in the density, in places."""

BORDER = 16
"""Images go on as their mirror image for this many pixels, in training as in counting, so that a
cell cut by the border has a whole one's density, of which the inner half counts."""

# In places of the density: enough that one cell has one peak; the window is that of its blob.
_SMOOTHING = 0.5
_WINDOW = 5


def peaks_of_density(
    density: npt.NDArray[np.float32], stride: float, threshold: float, *, spread: float = SPREAD
) -> tuple[Points, npt.NDArray[np.float64]]:
    """Find cell centres as peaks of a density.

    Parameters
    ----------
    density
        Shape (h, w), in cells per place.
    stride
        Pixels per place.
    threshold
        Least height, as a share of the peak of one cell alone.

    Returns
    -------
    tuple
        Centres of shape (N, 2), (row, column) in pixels, refined to parts of a place by a parabola
        through the neighbours; and heights of shape (N,), as shares of the peak of one cell alone.
    """
    smooth = ndimage.gaussian_filter(density.astype(np.float64), _SMOOTHING)
    alone = 1.0 / (2.0 * np.pi * (spread**2 + _SMOOTHING**2))
    highest = smooth == ndimage.maximum_filter(smooth, size=_WINDOW)
    places = np.argwhere(highest & (smooth > threshold * alone))
    if not len(places):
        return no_points(), np.zeros(0)
    refined = np.stack([_vertex(smooth, places, axis) for axis in (0, 1)], axis=1)
    return refined * stride + (stride - 1) / 2, smooth[tuple(places.T)] / alone


def _vertex(
    heights: npt.NDArray[np.float64], places: npt.NDArray[np.int64], axis: int
) -> npt.NDArray[np.float64]:
    """Return where a parabola through the logarithms of a peak and its neighbours is highest."""
    logarithm = np.log(np.maximum(heights, 1e-12))
    step = np.array([1, 0]) if axis == 0 else np.array([0, 1])
    last = np.array(heights.shape) - 1
    before, here, after = (
        logarithm[tuple(np.clip(places + shift * step, 0, last).T)] for shift in (-1, 0, 1)
    )
    curvature = before - 2 * here + after
    inside = (places[:, axis] > 0) & (places[:, axis] < last[axis]) & (curvature < 0)
    shift = np.where(inside, 0.5 * (before - after) / np.where(inside, curvature, 1.0), 0.0)
    return np.asarray(places[:, axis] + np.clip(shift, -0.5, 0.5), dtype=np.float64)
