"""The table ``counts.csv``: one row for each image, and for each region of one."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.images.files import atomic_path

COLUMNS = (
    "image",
    "count",
    "lower",
    "upper",
    "flag",
    "region",
    "area_mm2",
    "per_mm2",
    "pixel_size_um",
    "diameter_px",
    "model",
    "error",
)

WHOLE_IMAGE = "all"
"""Region that stands for the whole image."""


@dataclass(frozen=True)
class PredictedCount:
    """One row of ``counts.csv``; None where nothing is known.

    Parameters
    ----------
    image
        Name of the file.
    count
        Number of cells, not rounded; None where the image failed, and then ``error`` says why.
    lower, upper
        90 % interval of the count, where the counter has been calibrated.
    flag
        Reason to look at the image oneself.
    region
        ``all`` for the whole image, or the label of a region; empty where the regions of an image
        could not be read.
    area_mm2, per_mm2, pixel_size_um
        Area, cells per area and pixel size, where the pixel size is known.
    diameter_px
        Cell diameter in pixels that the counter measured or expects.
    model
        Name of the counter.
    error
        Why the image failed.
    """

    image: str
    count: float | None = None
    lower: float | None = None
    upper: float | None = None
    flag: str = ""
    region: str = WHOLE_IMAGE
    area_mm2: float | None = None
    per_mm2: float | None = None
    pixel_size_um: float | None = None
    diameter_px: float | None = None
    model: str = ""
    error: str = ""

    def as_row(self) -> list[str]:
        """Return the row as text, numbers with at most six figures."""
        values = [getattr(self, column) for column in COLUMNS]
        return [_as_text(value) for value in values]


def write_count_table(path: Path, rows: Sequence[PredictedCount]) -> None:
    """Write the table whole or not at all.

    Parameters
    ----------
    path
        File to write.
    rows
        In their order.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(row.as_row() for row in rows)


def _as_text(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.6g}"
