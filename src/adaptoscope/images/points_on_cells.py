"""How well points lie on the cells of their images, told without knowing what the cells look like.

Right points lie on what stands out from its surroundings, brighter or darker. So the response of a
difference of Gaussians, for several sizes of cells, is ranked within each image: 0 is the rank that
random places have in the mean, 0.5 that of the brightest blob, -0.5 that of the darkest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.images.blobs import difference_of_gaussians
from adaptoscope.images.cell_centres import Points

Image = NDArray[np.floating]
Values = NDArray[np.float64]

# A blur by this answers most to discs of 5 pixels; each level halves the image, so sizes rise by 2.
_SIGMA = 1.5
# Sizes of 5 to 80 pixels, in images that hold two cells side by side.
_MOST_LEVELS = 5
_SMALLEST_SIDE = 12
# A sample that bounds the time and knows a rank to less than a hundredth.
_MOST_RANKED = 20_000
# Where a level has twice the deviation that white noise leaves in it, it shows something; by eye.
_ABOVE_NOISE = 2.0


@dataclass(frozen=True)
class Level:
    """The response to bright cells of about 5 `step` pixels, on a grid coarser by `step`."""

    step: int
    response: Image
    _known: Image = field(repr=False)

    def at(self, points: Points) -> tuple[Image, NDArray[np.bool_]]:
        """Return the response at points of shape (..., 2), and which of them lie inside."""
        places = np.floor((points + 0.5) / self.step).astype(np.int64)
        inside = np.asarray(((places >= 0) & (places < self.response.shape)).all(axis=-1))
        rows, columns = np.moveaxis(np.where(inside[..., None], places, 0), -1, 0)
        return self.response[rows, columns], inside

    def ranks(self, points: Points) -> Values:
        """Return the ranks at points of shape (..., 2); outside the image 0, as if by chance."""
        values, inside = self.at(points)
        return np.where(inside, self._rank(values), 0.0)

    def rank_map(self) -> Values:
        """Return the rank of every place, in the shape of `response`."""
        return self._rank(self.response)

    def _rank(self, values: Image) -> Values:
        low = np.searchsorted(self._known, values, "left")
        return (low + np.searchsorted(self._known, values, "right")) / (2 * len(self._known)) - 0.5


@dataclass(frozen=True)
class MarkedImage:
    """An image that was searched for cells of every size, and points that are said to be its cells.

    Points, shape (N, 2), may lie outside; `pixel_size_um` is None where it is not known.
    """

    name: str
    shape: tuple[int, int]
    points: Points
    levels: tuple[Level, ...] = field(repr=False)
    pixel_size_um: float | None = None


def cell_levels(pixels: Image, only: int | None = None) -> tuple[Level, ...]:
    """Search an image, shape (H, W), finite, for cells of several sizes, from small to large ones.

    At least one level, fewer than five for small images; only one of them if its number is given.
    """
    levels, step, shown = [], 1, pixels.astype(np.float32)
    for number in range(_MOST_LEVELS):
        if only is None or only == number:
            levels.append(_level(shown, step))
        height, width = (side // 2 for side in shown.shape)
        if min(height, width) < _SMALLEST_SIDE:
            break
        even = shown[: 2 * height, : 2 * width]
        shown, step = even.reshape(height, 2, width, 2).mean(axis=(1, 3)), 2 * step
    return tuple(levels)


def _level(shown: Image, step: int) -> Level:
    response = difference_of_gaussians(shown, _SIGMA)
    known = np.sort(response.ravel()[:: max(1, response.size // _MOST_RANKED)])
    return Level(step, response, known)


def mean_ranks(images: Sequence[MarkedImage], points: Sequence[Points]) -> Values:
    """Return the mean rank under points, -0.5 to 0.5, for every level that all images have.

    `points` stand in place of the images' own. NaN without any point.
    """
    common = min(len(image.levels) for image in images)
    ranks = [
        np.concatenate(
            [image.levels[n].ranks(own) for image, own in zip(images, points, strict=True)]
        )
        for n in range(common)
    ]
    return np.array([each.mean() if len(each) else np.nan for each in ranks])


def shows_structure(levels: Sequence[Level]) -> bool:
    """Tell whether an image, by its `cell_levels`, shows anything larger than pixel noise.

    Of white noise, each level has half the deviation of the one before.
    """
    finest = float(levels[0].response.std())
    return any(level.response.std() * level.step > _ABOVE_NOISE * finest for level in levels[1:])


def clear_blobs(level: Level, sign: float, least: float) -> int:
    """Count the blobs whose response, times `sign` (-1 for dark ones), is at least `least`."""
    response = sign * level.response
    peaks = (response == ndimage.maximum_filter(response, size=3)) & (response > max(least, 0.0))
    return int(ndimage.label(peaks, structure=np.ones((3, 3)))[1])
