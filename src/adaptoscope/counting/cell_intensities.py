"""How bright each counted cell is in each channel, above the ground around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.images_to_count import opened_image
from adaptoscope.imageio.csv_tables import Cell, write_table
from adaptoscope.imageio.files import read_header
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.imageio.large_images import LargeImage, Pixels
from adaptoscope.images.cell_centres import Points

if TYPE_CHECKING:
    from adaptoscope.counting.count_records import CountRecord

Values = npt.NDArray[np.float64]

# In cell diameters: the disc of a cell, and the ring about it, which leaves the blurred rim out.
_DISC = 0.5
_RING = (0.75, 1.25)
# Fewer pixels tell the ground poorly: then that of the surroundings counts.
_LEAST_GROUND = 20
# Side in pixels of the parts that are looked at one after the other: a few megabytes.
_PART = 2048


def channel_intensities(
    path: Path,
    points: Points,
    diameter: float,
    *,
    channel: int | None,
    z: int | Literal["max"] | None,
    max_pixels: int,
) -> dict[int, Values]:
    """Measure the cells of a file in each of its channels.

    Parameters
    ----------
    points
        Shape (N, 2), (row, column) in pixels.
    diameter
        Of the cells, in pixels.
    channel
        The one that was counted; where the file has no other, it is 0.

    Returns
    -------
    dict
        From number of the channel to values as `cell_intensities` gives, in stored counts.
    """
    header = read_header(path)
    found = {}
    for number in range(header.channels):
        chosen = number if header.channels > 1 else channel
        with opened_image(path, channel=chosen, z=z, max_pixels=max_pixels, in_parts=True) as image:
            if isinstance(image, LargeImage):
                scale = IntensityScale.full_range(header.bit_depth)
                means = cell_intensities(image, points, diameter)
            else:
                scale = image.scale
                means = cell_intensities(image.pixels, points, diameter)
        found[number] = means * (scale.high - scale.low)
    return found


def write_cell_table(path: Path, records: Callable[[], Iterable[tuple[str, CountRecord]]]) -> None:
    """Write a row for each cell: image, x, y, diameter, sharpness, each channel; unknown is empty.

    Parameters
    ----------
    records
        Gives what was found in each image, under its name; called twice, so that the cells of one
        image are held at a time.
    """
    channels = sorted({name for _, each in records() for name in each.intensities or ()}, key=int)
    columns = ("image", "x", "y", "diameter_px", "sharpness", *map("channel_{}".format, channels))

    def rows() -> Iterable[list[Cell]]:
        for name, each in records():
            measured = each.intensities or {}
            for number, (row, column) in enumerate([] if each.points is None else each.points):
                sharp = None if each.sharpness is None else float(each.sharpness[number])
                values = [
                    float(measured[channel][number]) if channel in measured else None
                    for channel in channels
                ]
                yield [name, float(column), float(row), each.diameter_px, sharp, *values]

    write_table(path, columns, rows())


def cell_intensities(pixels: Pixels, points: Points, diameter: float) -> Values:
    """Return the mean of each cell's disc less the ground around it.

    The ground is the median of those pixels of the ring from 0.75 to 1.25 diameters about the
    centre that lie in no cell's disc; where fewer than 20 are left, of all such pixels of a part of
    the image, at most 2048 pixels wide.

    Parameters
    ----------
    pixels
        Shape (H, W), an array or an image on disk.
    points
        Shape (N, 2), (row, column) in pixels, inside the image.
    diameter
        Of the cells, in pixels; the disc is as wide, at least one pixel.

    Returns
    -------
    numpy.ndarray
        Shape (N,), in the unit of `pixels`; NaN where no ground is seen.
    """
    disc, ring = _offsets(0.0, _DISC * diameter), _offsets(*(each * diameter for each in _RING))
    margin = int(np.ceil(_RING[1] * diameter)) + 1
    found = np.full(len(points), np.nan)
    places = np.rint(points).astype(int)
    height, width = pixels.shape
    for top in range(0, height, _PART):
        for left in range(0, width, _PART):
            begin = np.array([max(top - margin, 0), max(left - margin, 0)])
            end = np.array([min(top + _PART + margin, height), min(left + _PART + margin, width)])
            own = _inside(places, np.array([top, left]), np.array([top + _PART, left + _PART]))
            if not own.any():
                continue
            part = np.asarray(pixels[begin[0] : end[0], begin[1] : end[1]], np.float64)
            near = places[_inside(places, begin - margin, end + margin)] - begin
            ground = np.ones(part.shape, dtype=bool)
            for place in near:
                ground[_within(place + disc, part.shape)] = False
            usual = float(np.median(part[ground])) if ground.sum() >= _LEAST_GROUND else np.nan
            for number in np.flatnonzero(own):
                place = places[number] - begin
                around = _within(place + ring, part.shape)
                free = part[around][ground[around]]
                level = float(np.median(free)) if len(free) >= _LEAST_GROUND else usual
                found[number] = part[_within(place + disc, part.shape)].mean() - level
    return found


def _offsets(inner: float, outer: float) -> npt.NDArray[np.int64]:
    """Return the pixels of a ring about a pixel, shape (M, 2); of a disc where `inner` is 0."""
    reach = int(np.ceil(outer))
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(rows, columns)
    chosen = (distance >= inner) & (distance <= max(outer, 0.5))
    return np.column_stack([rows[chosen], columns[chosen]])


def _within(
    places: npt.NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return those pixels that lie in an image, as an index."""
    kept = places[_inside(places, np.zeros(2, int), np.array(shape))]
    return kept[:, 0], kept[:, 1]


def _inside(
    places: npt.NDArray[np.int64], begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    return np.asarray(((places >= begin) & (places < end)).all(axis=1))
