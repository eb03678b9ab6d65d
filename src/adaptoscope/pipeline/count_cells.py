"""The table ``cells.csv``: one row for each cell that was counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from adaptoscope.counting.images_to_count import FileToCount, opened_image
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.imageio.channel_names import channel_names
from adaptoscope.imageio.csv_tables import write_table
from adaptoscope.imageio.files import read_header
from adaptoscope.imageio.large_images import LargeImage
from adaptoscope.images.cell_intensities import CellIntensities, cell_intensities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from adaptoscope.counting.count_files import CountRun, ToCount
    from adaptoscope.counting.count_records import CountRecord

CELL_COLUMNS = ("image", "row", "col", "diameter_px", "sharpness", "ring_px")
"""Columns of ``cells.csv`` before those of the channels."""


@dataclass(frozen=True)
class _Stored:
    """An image in its stored unit, read in parts."""

    image: LargeImage

    @property
    def shape(self) -> tuple[int, ...]:
        return self.image.shape

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[np.generic]:
        return self.image.parts.read(*place)


def write_cells(
    path: Path, run: CountRun, tasks: Sequence[ToCount], settings: PredictSettings
) -> None:
    """Write one row for each cell, image after image.

    A channel's column is empty for images that have no such channel. With several channels,
    of which one was chosen for counting, each has a column of its name.
    """
    counted = [(task, found) for task in tasks if (found := run.found_in(task)).is_counted]
    channels = {task.name: _channels(task.file, settings) for task, _ in counted}
    columns = list(dict.fromkeys(name for named in channels.values() for name in named))
    rows = (
        row
        for task, found in counted
        for row in _rows(task, found, channels[task.name], columns, settings)
    )
    write_table(path, (*CELL_COLUMNS, *columns), rows)


def _channels(file: FileToCount, settings: PredictSettings) -> dict[str, int | None]:
    """Return the number of each channel to measure under the name of its column."""
    if file.is_channel or settings.channel is None:
        return {"mean": None}
    number = read_header(file.path).channels
    if number == 1:
        return {"mean": None}
    names = channel_names(file.path, number)
    return {f"mean_{name}": place for place, name in enumerate(names)}


def _rows(
    task: ToCount,
    found: CountRecord,
    channels: dict[str, int | None],
    columns: Sequence[str],
    settings: PredictSettings,
) -> Iterator[tuple[str | float, ...]]:
    points, diameter = found.points, found.rows[0].diameter_px
    if points is None or not len(points):
        return
    measured: dict[str, CellIntensities] = {}
    for name, channel in channels.items() if diameter else ():
        with opened_image(
            task.file.path,
            channel=channel,
            z=settings.z,
            max_pixels=settings.max_pixels,
            in_parts=True,
        ) as image:
            plane = _Stored(image) if isinstance(image, LargeImage) else image.stored
            measured[name] = cell_intensities(plane, points, diameter or 0.0)
    for place, (row, column) in enumerate(points.tolist()):
        sharp = "" if found.sharpness is None else float(found.sharpness[place])
        ring = next(iter(measured.values())).ring_px[place] if measured else np.nan
        means = [
            _number(measured[each].mean[place]) if each in measured else "" for each in columns
        ]
        size = "" if diameter is None else round(diameter, 1)
        yield task.name, row, column, size, sharp, _number(ring), *means


def _number(value: float) -> float | str:
    return "" if np.isnan(value) else round(float(value), 3)
