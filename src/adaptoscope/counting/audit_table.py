"""The table ``check.csv``: images to be counted by hand, and their hand counts once they are."""

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field

from adaptoscope.datasets.point_tables import by_known_names, read_points
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.csv_tables import (
    NUMBER,
    WHOLE,
    CsvTable,
    Number,
    read_table,
    row_as,
    write_table,
)

CHECK_COLUMNS = (
    "image",
    "hand_count",
    "reason",
    "stratum",
    "stratum_images",
    "inclusion",
    # At the end, so that whoever counts does not see beforehand what is to come out.
    "count",
    "lower",
    "upper",
)
# More names would push the message off the screen.
_NAMED = 5
_POSSIBLE = "hand_count 0 or more; all else as it was written, or the check is begun again"

_Cells = Annotated[Annotated[int, Field(ge=0)] | None, WHOLE]


@dataclass(frozen=True)
class CheckRow:
    """One row of ``check.csv``; the first four columns as in ``counts.csv``.

    Parameters
    ----------
    stratum, stratum_images, inclusion
        Part of the images that it was drawn from, the size of that part, and the probability with
        which it was drawn.
    hand_count
        Cells counted by hand; None until then.
    """

    image: str
    count: Annotated[float, NUMBER]
    lower: Number
    upper: Number
    reason: str
    stratum: str
    stratum_images: Annotated[Annotated[int, Field(ge=1)], WHOLE]
    inclusion: Annotated[Annotated[float, Field(gt=0, le=1)], NUMBER]
    hand_count: _Cells = None


@dataclass(frozen=True)
class _CountedRow:
    image: str
    count: _Cells = None


def write_check(path: Path, rows: Sequence[CheckRow]) -> None:
    """Write ``check.csv``, whole or not at all."""
    entries = [[getattr(row, column) for column in CHECK_COLUMNS] for row in rows]
    write_table(path, CHECK_COLUMNS, entries)


def read_check(path: Path) -> list[CheckRow]:
    """Read ``check.csv``, with hand counts or without."""
    table = read_table(path)
    table.require(*CHECK_COLUMNS)
    _refuse_twice(table)
    rows = [row_as(CheckRow, entries, path, _POSSIBLE) for entries in table.rows]
    for stratum in dict.fromkeys(row.stratum for row in rows):
        members = [row for row in rows if row.stratum == stratum]
        drawn = round(members[0].inclusion * members[0].stratum_images)
        alike = len({(row.stratum_images, row.inclusion) for row in members}) == 1
        if not alike or len(members) != drawn:
            raise InputError(
                f"The table {path} is not as it was written: the stratum {stratum} has changed.",
                expected=f"{drawn} rows, of one size and probability",
                found=f"{len(members)} rows",
                remedy="fill in hand_count only; begin the check again if the file is lost",
            )
    if not rows:
        raise InputError(f"The table {path} holds no image.", remedy="begin the check again")
    return rows


def fill_from_labels(check: Path, labels: Path) -> list[str]:
    """Fill in hand counts from a table of known cells, and write ``check.csv`` anew.

    The table holds ``image,x,y`` with one row per cell, or ``image,count`` with one row per image.
    Returned are the images without a row in a table of points, which say that they have no cell.
    """
    rows = read_check(check)
    table = read_table(labels)
    if {"x", "y"} <= set(table.columns):
        points = by_known_names(read_points(labels), {row.image for row in rows})
        counts = {name: len(centres) for name, centres in points.items()}
        known = {row.image: counts.get(row.image, 0) for row in rows}
    else:
        table.require("image", "count")
        _refuse_twice(table)
        read = [
            row_as(_CountedRow, entries, labels, "counts of 0 or more") for entries in table.rows
        ]
        counts = {PurePosixPath(row.image).name: row.count for row in read if row.count is not None}
        known = {row.image: counts[row.image] for row in rows if row.image in counts}
    if not counts.keys() & known.keys():
        raise InputError(
            f"The cells in {labels} are of other images.",
            expected=f"some of {shortened([row.image for row in rows])}",
            found=shortened(sorted(counts)) or "no row",
            remedy="check the path, and that images are called by their file names",
        )
    filled = [replace(row, hand_count=known.get(row.image)) for row in rows]
    refuse_uncounted(filled, labels)
    write_check(check, filled)
    return [row.image for row in rows if row.image not in counts]


def refuse_uncounted(rows: Sequence[CheckRow], path: Path) -> None:
    """Refuse rows without a hand count."""
    empty = [row.image for row in rows if row.hand_count is None]
    if empty:
        raise InputError(
            f"Not all images of {path} have been counted by hand.",
            expected=f"hand_count in all {len(rows)} rows, 0 where there is no cell",
            found=f"none for {shortened(empty)}",
            remedy="count these images too; leaving out hard ones would bias the result",
        )


def shortened(names: Sequence[str]) -> str:
    """Name a few images and say how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _refuse_twice(table: CsvTable) -> None:
    twice = [name for name, n in Tally(row["image"] for row in table.rows).items() if n > 1]
    if twice:
        raise InputError(
            f"The table {table.path} names an image twice.",
            expected="one row for each image",
            found=shortened(twice),
            remedy="remove the repeated rows",
        )


def refuse_begun_check(path: Path, *, overwrite: bool) -> None:
    """Refuse to replace a ``check.csv``, or with `overwrite` one in which somebody has counted."""
    if not path.exists():
        return
    if not overwrite:
        raise OutputError(
            f"The folder {path.parent} holds a check already.",
            expected=f"a folder without {path.name}",
            found=str(path),
            remedy=f"evaluate it with --hand-counts {path}, or give --overwrite",
        )
    try:
        rows = read_table(path).rows
    except InputError:
        # A damaged one holds nothing that could be lost.
        return
    filled = sum(bool(row.get("hand_count")) for row in rows)
    if filled:
        raise OutputError(
            f"The table {path} holds hand counts, which would be lost.",
            expected="a table without hand counts",
            found=f"{filled} of {len(rows)} rows filled in",
            remedy="choose another --out, or move the table away",
        )
