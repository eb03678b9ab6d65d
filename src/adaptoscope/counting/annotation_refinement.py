"""Cell centres marked by hand, moved to where the cells are."""

import numpy as np
import numpy.typing as npt

from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.images.blobs import (
    difference_of_gaussians,
    difference_of_gaussians_peaks,
    sigma_of_diameter,
)
from adaptoscope.images.cell_centres import Points
from adaptoscope.metrics.point_matching import match_points

# Share of the intensity range below which a blob is noise, by eye.
_FAINTEST_BLOB = 0.02
# Moving all clicks of an image must bring them onto so much brighter places to be believed.
_LEAST_GAIN = 1.1
_FEWEST_CLICKS = 15


def refine_annotations(
    points: Points, pixels: npt.NDArray[np.float32], intensity: IntensityRange, diameter: float
) -> Points:
    """Move centres marked by hand to the middle of the blob that they lie on.

    A blob is a local maximum of the difference of Gaussians for cells of this size. Where all
    centres of an image lie beside their blobs in one direction, they are moved back together first.
    Then each blob takes at most one centre, of those within half a cell; centres beside no blob
    stay where they were marked.

    Parameters
    ----------
    points
        Shape (N, 2), (row, column) in pixels.
    pixels
        Shape (H, W), in the unit of the stored range.
    intensity
        Where background and cells of the image lie.
    diameter
        Cell diameter in pixels.
    """
    if not len(points):
        return points
    sigma = sigma_of_diameter(diameter)
    least = _FAINTEST_BLOB * (intensity.high - intensity.low)
    blobs = difference_of_gaussians_peaks(pixels, sigma, least)
    if not len(blobs):
        return points
    together = common_shift(points, difference_of_gaussians(pixels, sigma), diameter / 2)
    pairs = match_points(blobs, points + together, diameter / 2).pairs
    moved = points.copy()
    moved[pairs[:, 1]] = blobs[pairs[:, 0]]
    return moved


def common_shift(
    points: Points, response: npt.NDArray[np.floating], reach: float
) -> npt.NDArray[np.float64]:
    """Return the shift that brings the centres of an image onto its blobs, if there is one.

    Parameters
    ----------
    points
        Shape (N, 2), (row, column) in pixels.
    response
        Shape (H, W), high in the middle of blobs.
    reach
        Largest shift in pixels.

    Returns
    -------
    numpy.ndarray
        Shape (2,), in whole pixels; zero unless the mean response at the centres grows by a tenth,
        and for fewer than 15 centres.
    """
    if len(points) < _FEWEST_CLICKS:
        return np.zeros(2)
    whole = int(reach)
    steps = np.arange(-whole, whole + 1)
    shifts = np.array([(r, c) for r in steps for c in steps if np.hypot(r, c) <= reach])
    last = np.array(response.shape) - 1
    places = np.clip(np.round(points[None] + shifts[:, None]).astype(int), 0, last)
    means = response[places[..., 0], places[..., 1]].mean(axis=1)
    unmoved = float(means[(shifts == 0).all(axis=1)][0])
    best = int(means.argmax())
    if means[best] <= _LEAST_GAIN * max(unmoved, 0.0):
        return np.zeros(2)
    return np.asarray(shifts[best], dtype=np.float64)
