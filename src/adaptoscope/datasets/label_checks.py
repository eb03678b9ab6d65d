"""What can be told to be wrong with cell centres before anything is learnt with them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.marked_in_part import warn_of_odd_images
from adaptoscope.errors import InputError
from adaptoscope.images.points_on_cells import MarkedImage, cell_levels, mean_ranks, shows_structure

CLOSEST = 1.0
"""Two cells whose centres are closer than this, in pixels, are one that was marked twice."""

# These bound the time that opening a set takes.
_MOST_IMAGES = 20
# Neighbours by name, so that names shifted by one image can be told.
_RUN = 4
_MOST_PIXELS = 60_000_000
# Right points of all sets at hand reach 0.23 and more, so many random ones at most 0.05.
_CHANCE = 0.1
_FEWEST_POINTS = 50


def check_labels(images: CountedImageSet) -> None:
    """Refuse and warn as `check_places` and `check_repeats`; unlabelled images are left alone."""
    check_places(images)
    check_repeats(images.labelled())


def check_places(images: CountedImageSet) -> None:
    """Refuse cell centres that are not on the cells, and warn of images that look odd.

    About twenty labelled images, of together at most 60 million pixels, are searched for cells of
    every size, and at most 200 for cells of the size that is marked.

    Raises
    ------
    InputError
        If points lie on cells only when they are scaled, turned, moved, or given to other
        images, or if one lies outside its image.

    Warns
    -----
    UserWarning
        If the centres of the set or of single images lie on nothing that stands out, or images seem
        to be marked in part.
    """
    labelled = images.labelled()
    marked = [_searched(labelled, record) for record in _sample(labelled)]
    _refuse_misplaced(labelled, marked)
    if marked:
        _warn_of_chance(labelled, marked)
        warn_of_odd_images(labelled, mean_ranks(marked, [image.points for image in marked]))


def _searched(labelled: CountedImageSet, record: ImageRecord) -> MarkedImage:
    image = labelled.read(record)
    points = labelled.marks(record)
    return MarkedImage(
        record.name, image.shape, points, cell_levels(image.pixels), image.pixel_size_um
    )


def _sample(labelled: CountedImageSet) -> list[ImageRecord]:
    """Choose images with cells, in runs of neighbours by name that are spread over the set."""
    records = sorted((record for record in labelled if record.count), key=_by_number)
    if len(records) > _MOST_IMAGES:
        first = np.linspace(0, len(records) - _RUN, _MOST_IMAGES // _RUN).round().astype(int)
        records = [records[start + place] for start in first for place in range(_RUN)]
    pixels = np.cumsum([height * width for height, width in map(labelled.size, records)])
    return [record for record, sum_ in zip(records, pixels, strict=True) if sum_ <= _MOST_PIXELS]


def _by_number(record: ImageRecord) -> list[tuple[int, str]]:
    """Order ``f2`` before ``f10``."""
    parts = re.split(r"(\d+)", record.name)
    return [(int(part) if part.isdecimal() else -1, part) for part in parts]


def _refuse_misplaced(labelled: CountedImageSet, marked: Sequence[MarkedImage]) -> None:
    # Not at the top, as most commands that open labelled sets need no search.
    from adaptoscope.images.misplaced_points import explain_points

    explanation = explain_points(marked)
    if explanation is None:
        return
    number = sum(len(image.points) for image in marked)
    raise InputError(
        f"The cell centres of {labelled.folder} do not lie on the cells of their images.",
        expected="x = column and y = row in pixels of the image, counted from its top left corner",
        found=f"{explanation.said} they lie on cells (mean rank of contrast under {number} points "
        f"{0.5 + explanation.explained:.2f}), as they are not ({0.5 + explanation.as_read:.2f}; "
        "0.5 is chance)",
        remedy=explanation.remedy,
    )


def _warn_of_chance(labelled: CountedImageSet, marked: Sequence[MarkedImage]) -> None:
    """Warn where something can be seen, and the points have nothing to do with it."""
    number = sum(len(image.points) for image in marked)
    ranks = mean_ranks(marked, [image.points for image in marked])
    if number < _FEWEST_POINTS or np.abs(ranks).max() >= _CHANCE:
        return
    if np.mean([shows_structure(image.levels) for image in marked]) > 0.5:
        warnings.warn(
            f"The cell centres of {labelled.folder} lie on nothing that stands out in their "
            f"images: the mean rank of contrast under {number} points is "
            f"{0.5 + ranks[np.abs(ranks).argmax()]:.2f}, and that of random places 0.5. No other "
            "scale, turn, shift or order of the names explains it. Where cells can be seen, the "
            "points are not theirs, and what is computed with them is wrong: open an image with "
            "its points.",
            UserWarning,
            stacklevel=3,
        )


def check_repeats(labelled: CountedImageSet) -> None:
    """Refuse cells that are listed twice, and warn of two centres closer than `CLOSEST`."""
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


def _named(images: dict[str, int], most: int = 5) -> str:
    named = [f"{name} ({number})" for name, number in list(images.items())[:most]]
    rest = len(images) - len(named)
    return ", ".join(named) + (f" and {rest} more image(s)" if rest else "")
