"""Images of a counted set that seem to be marked in part, or with the points of something else."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.points_on_cells import (
    Level,
    Values,
    cell_levels,
    clear_blobs,
    shows_structure,
)

# Bounds the time; the share of such images is told well enough from so many.
_MOST_IMAGES = 200
# Single images are judged only in sets whose points clearly lie on cells: the mean ranks of nuclei
# and of red blood cells are 0.37 and more, those of cells in phase contrast 0.31 and less.
_CLEARLY_ON_CELLS = 0.33
# Blobs of 0.7 times the contrast of the marked cells are at most 2.5 times as many as the cells in
# the training images of nine sets of nuclei, two of cells in bright field, and the double leaves
# room; only where an antibody marks some of the cells are there more.
_AS_CLEAR = 0.7
_TIMES = 5.0
_FEWEST_UNMARKED = 20
# No training image of these sets has ranks of less than half the mean of its set.
_BESIDE = 0.4
_FEWEST_IN_IMAGE = 10
_MOST_NAMED = 5


@dataclass(frozen=True)
class _Seen:
    name: str
    marked: int
    blobs: int
    contrast: float
    rank: float


def warn_of_odd_images(labelled: CountedImageSet, ranks: Values) -> None:
    """Warn of images with many more cells than points, or whose points are not on cells.

    Blobs are counted that are of the size of the marked cells and nearly as clear.

    At most 200 images are decoded, evenly over the list. `ranks` are those under the points of the
    set at every level, from `mean_ranks`; nothing is said where none is clear.
    """
    level = int(np.abs(ranks).argmax())
    if not abs(ranks[level]) >= _CLEARLY_ON_CELLS:
        return
    sign = float(np.sign(ranks[level]))
    records = list(labelled)[:: -(-len(labelled) // _MOST_IMAGES)]
    marked = [_look(labelled, record, level, sign) for record in records if record.count]
    usual = float(np.median([each.contrast for each in marked])) if marked else np.inf
    empty = [_look(labelled, record, level, sign, usual) for record in records if not record.count]
    beside = [
        each
        for each in marked
        if each.marked >= _FEWEST_IN_IMAGE and each.rank < _BESIDE * abs(ranks[level])
    ]
    in_part = [each for each in (*marked, *empty) if _lacks_points(each) and each not in beside]
    among = f" of the {len(records)} looked at" if len(records) < len(labelled) else ""
    if in_part:
        _warn(
            f"{len(in_part)} image(s){among} of {labelled.folder} seem to be marked in part: "
            + _named(f"{each.name} ({each.marked} marked, {each.blobs} seen)" for each in in_part)
            + ". Cells that are not marked are taken for background. Mark all cells of an image, "
            "or leave it out of the list; where only one kind of cells is meant, nothing is wrong."
        )
    if beside:
        _warn(
            f"The points of {len(beside)} image(s){among} of {labelled.folder} are not on what the "
            "others mark, or hardly better than by chance: "
            + _named(each.name for each in beside)
            + ". Look at them with their points: they may be another image's."
        )


def _look(
    labelled: CountedImageSet,
    record: ImageRecord,
    number: int,
    sign: float,
    contrast: float = np.nan,
) -> _Seen:
    """Count the cells that can be seen, by the contrast of those marked or by a given one."""
    pixels, points = labelled.read(record).pixels, labelled.points(record)
    if not len(points) and not shows_structure(cell_levels(pixels)):
        # Noise that was stretched over the stored range would be as clear as cells.
        contrast = np.inf
    levels = cell_levels(pixels, only=number)
    if not levels:
        return _Seen(record.name, len(points), 0, contrast, np.inf)
    seen = _seen_at(levels[0], record.name, points, sign, contrast)
    odd = seen.rank < _CLEARLY_ON_CELLS or _lacks_points(seen)
    if odd and len(points) >= _FEWEST_IN_IMAGE:
        # The cells of this image may be of another size than those of most.
        sizes = (_seen_at(each, record.name, points, sign) for each in cell_levels(pixels))
        return max(sizes, key=lambda each: each.rank)
    return seen


def _seen_at(
    level: Level, name: str, points: Points, sign: float, contrast: float = np.nan
) -> _Seen:
    rank = np.nan
    if len(points):
        contrast = float(np.median(sign * level.at(points)[0]))
        rank = float(sign * level.ranks(points).mean())
    blobs = clear_blobs(level, sign, _AS_CLEAR * contrast)
    return _Seen(name, len(points), blobs, contrast, rank)


def _lacks_points(seen: _Seen) -> bool:
    unmarked = seen.blobs - seen.marked
    return unmarked >= _FEWEST_UNMARKED and seen.blobs >= _TIMES * seen.marked


def _named(names: Iterable[str]) -> str:
    every = list(names)
    rest = len(every) - _MOST_NAMED
    return ", ".join(every[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)
