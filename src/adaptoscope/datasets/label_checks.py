"""What can be told to be wrong with cell centres before anything is learnt with them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points, inside_window

CLOSEST = 1.0
"""Two cells whose centres are closer than this, in pixels, are one that was marked twice."""

_BLUR = 1.5
_MOST_IMAGES = 8
_MOST_RANKED = 250_000
_FEWEST_POINTS = 10
# A rank of 0.5 is chance. Right points of fluorescence score about 0.9.
_CHANCE = 0.15
_CLEAR = 0.3


@dataclass(frozen=True)
class BrightnessUnderPoints:
    """Mean rank of the local brightness at cell centres, 0 (darkest) to 1; 0.5 is chance.

    Parameters
    ----------
    as_read, swapped
        At the centres, and with row and column exchanged.
    points
        Number of centres that lie inside their image either way.
    """

    as_read: float
    swapped: float
    points: int

    @property
    def axes_are_swapped(self) -> bool:
        """Whether the centres mean nothing as they are, and much the other way round."""
        return (
            self.points >= _FEWEST_POINTS
            and abs(self.as_read - 0.5) < _CHANCE
            and abs(self.swapped - 0.5) >= _CLEAR
        )


def check_labels(images: CountedImageSet) -> None:
    """Refuse cell centres that are repeated, or whose x and y are exchanged.

    Parameters
    ----------
    images
        A set; images without labels are left alone. At most eight of the others are decoded.

    Raises
    ------
    InputError
        If a cell is listed twice, a centre lies outside its image, or the centres lie on cells
        only with x and y exchanged.

    Warns
    -----
    UserWarning
        If two centres of an image are closer than `CLOSEST`.
    """
    labelled = images.labelled()
    check_repeats(labelled)
    found = brightness_under_points(labelled)
    if found.axes_are_swapped:
        raise InputError(
            f"The cell centres of {images.folder} have x and y exchanged.",
            expected="x = column and y = row, so that the points lie on the cells",
            found=f"a mean rank of brightness under {found.points} points of {found.as_read:.2f} "
            f"as they are (0.5 is chance), and of {found.swapped:.2f} the other way round",
            remedy="exchange the names x and y in the first line of points.csv, or write a new set "
            f"with `adaptoscope convert {images.folder} NEW --layout folder --swap-axes`",
        )


def check_repeats(labelled: CountedImageSet) -> None:
    """Refuse cells that are listed twice, and warn of centres that are almost the same.

    Parameters
    ----------
    labelled
        Labelled images; none is decoded.

    Raises
    ------
    InputError
        If two centres of an image are equal.

    Warns
    -----
    UserWarning
        If two centres of an image are closer than `CLOSEST`.
    """
    repeated, close = {}, {}
    for record in labelled:
        points = labelled.points(record)
        single = np.unique(points, axis=0)
        if len(single) < len(points):
            repeated[record.name] = len(points) - len(single)
        if len(pairs := cKDTree(single).query_pairs(np.nextafter(CLOSEST, 0))):
            close[record.name] = len(pairs)
    if repeated:
        raise InputError(
            f"The table of cell centres of {labelled.folder} lists cells twice.",
            expected="one row for each cell",
            found=f"{sum(repeated.values())} repeated row(s) in {_named(repeated)}",
            remedy="remove the repeated rows from points.csv",
        )
    if close:
        warnings.warn(
            f"{sum(close.values())} pair(s) of cell centres of {labelled.folder} are closer than "
            f"{CLOSEST:g} pixel and count as two cells each: {_named(close)}. Remove one of each "
            "pair from points.csv if it was marked twice.",
            UserWarning,
            stacklevel=3,
        )


def brightness_under_points(labelled: CountedImageSet) -> BrightnessUnderPoints:
    """Compare the centres with the pixels, as they are and with row and column exchanged.

    Parameters
    ----------
    labelled
        Labelled images, of which at most eight are decoded, spread over the set.

    Returns
    -------
    BrightnessUnderPoints
        NaN where no centre lies inside its image either way.
    """
    as_read, swapped = [np.empty(0)], [np.empty(0)]
    for record in _sample(labelled):
        pixels, points = labelled.read(record).pixels, labelled.points(record)
        both = points[inside_window(points[:, ::-1], 0, 0, *pixels.shape)]
        blurred = ndimage.gaussian_filter(pixels, _BLUR)
        as_read.append(_ranks(blurred, both))
        swapped.append(_ranks(blurred, both[:, ::-1]))
    here, there = np.concatenate(as_read), np.concatenate(swapped)
    if not len(here):
        return BrightnessUnderPoints(np.nan, np.nan, 0)
    return BrightnessUnderPoints(float(here.mean()), float(there.mean()), len(here))


def _sample(labelled: CountedImageSet) -> Iterator[ImageRecord]:
    marked = [record for record in labelled if record.count]
    if marked:
        places = np.linspace(0, len(marked) - 1, min(len(marked), _MOST_IMAGES))
        yield from (marked[place] for place in places.round().astype(int))


def _ranks(blurred: NDArray[np.float32], points: Points) -> NDArray[np.float64]:
    """Return the share of pixels that are darker than each point's, equal ones counting half."""
    every = max(1, blurred.size // _MOST_RANKED)
    known = np.sort(blurred.ravel()[::every])
    rows, columns = np.floor(points + 0.5).astype(int).T
    values = blurred[rows, columns]
    ranks = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
    return np.asarray(ranks / (2 * len(known)), dtype=np.float64)


def _named(images: dict[str, int], most: int = 5) -> str:
    named = [f"{name} ({number})" for name, number in list(images.items())[:most]]
    rest = len(images) - len(named)
    return ", ".join(named) + (f" and {rest} more image(s)" if rest else "")
