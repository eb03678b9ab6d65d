"""The table ``check.csv``: images to be counted by hand, and their hand counts once they are."""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from adaptoscope.datasets.point_tables import by_known_names, read_points
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.csv_tables import (
    Cell,
    CsvTable,
    parse_float,
    parse_int,
    read_table,
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
_NAMED = 5


@dataclass(frozen=True)
class CheckRow:
    """One row of ``check.csv``.

    Parameters
    ----------
    image, count, lower, upper
        As in ``counts.csv``.
    stratum, stratum_images, inclusion
        Part of the images that it was drawn from, the size of that part, and the probability with
        which it was drawn.
    hand_count
        Cells counted by hand; None until then.
    """

    image: str
    count: float
    lower: float | None
    upper: float | None
    reason: str
    stratum: str
    stratum_images: int
    inclusion: float
    hand_count: int | None = None

    def as_row(self) -> list[Cell]:
        """Return the entries in the order of `CHECK_COLUMNS`."""
        return [getattr(self, column) for column in CHECK_COLUMNS]


def write_check(path: Path, rows: Sequence[CheckRow]) -> None:
    """Write ``check.csv``, whole or not at all."""
    write_table(path, CHECK_COLUMNS, [row.as_row() for row in rows])


def read_check(path: Path) -> list[CheckRow]:
    """Read ``check.csv``, with hand counts or without."""
    table = read_table(path)
    table.require(*CHECK_COLUMNS)
    _refuse_twice(table)
    rows = [_row(entries, path) for entries in table.rows]
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

    Parameters
    ----------
    check
        ``check.csv``.
    labels
        ``image,x,y`` with one row per cell, or ``image,count`` with one row per image.

    Returns
    -------
    list of str
        Images without a row in a table of points, which say that they have no cell.
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
        counts = _counts_of(table)
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


def _row(entries: Mapping[str, str], path: Path) -> CheckRow:
    name = entries["image"]
    count, inclusion = (parse_float(entries[each], each, path) for each in ("count", "inclusion"))
    size = parse_int(entries["stratum_images"], "stratum_images", path)
    usable = count is not None and inclusion is not None and size is not None
    if not (usable and 0 < (inclusion or 0) <= 1 and (size or 0) > 0):
        raise InputError(
            f"The row of {name} in {path} is not as it was written.",
            expected="count, stratum_images above 0, inclusion above 0 and at most 1",
            found=f"{entries['count']}, {entries['stratum_images']}, {entries['inclusion']}",
            remedy="fill in hand_count only; begin the check again if the file is lost",
        )
    return CheckRow(
        image=name,
        count=count or 0.0,
        lower=parse_float(entries["lower"], "lower", path),
        upper=parse_float(entries["upper"], "upper", path),
        reason=entries["reason"],
        stratum=entries["stratum"],
        stratum_images=size or 0,
        inclusion=inclusion or 0.0,
        hand_count=_whole(entries["hand_count"], "hand_count", name, path),
    )


def _counts_of(table: CsvTable) -> dict[str, int]:
    entries = [(row["image"], row["count"]) for row in table.rows]
    read = {
        PurePosixPath(name).name: _whole(text, "count", name, table.path) for name, text in entries
    }
    return {name: count for name, count in read.items() if count is not None}


def _whole(text: str, column: str, image: str, path: Path) -> int | None:
    number = parse_int(text, column, path)
    if number is not None and number < 0:
        raise InputError(
            f"The {column} of {image} in {path} is impossible.",
            expected="a whole number, 0 where there is no cell",
            found=text,
            remedy="correct the entry",
        )
    return number


def _refuse_twice(table: CsvTable) -> None:
    twice = [name for name, n in Tally(row["image"] for row in table.rows).items() if n > 1]
    if twice:
        raise InputError(
            f"The table {table.path} names an image twice.",
            expected="one row for each image",
            found=shortened(twice),
            remedy="remove the repeated rows",
        )


def refuse_lost_counts(path: Path) -> None:
    """Refuse to replace a table in which somebody has counted.

    Parameters
    ----------
    path
        A ``check.csv``, perhaps damaged.
    """
    try:
        rows = read_table(path).rows
    except InputError:
        return
    filled = sum(bool(row.get("hand_count")) for row in rows)
    if filled:
        raise OutputError(
            f"The table {path} holds hand counts, which would be lost.",
            expected="a table without hand counts",
            found=f"{filled} of {len(rows)} rows filled in",
            remedy="choose another --out, or move the table away",
        )
