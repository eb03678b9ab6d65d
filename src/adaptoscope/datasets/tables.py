"""Tables as text: read as Excel writes them anywhere, written in one fixed form with commas."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_text

Cell = str | int | float | bool | None

_MARKS = (",", ";", "\t")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
# Of the first 32 codes only tab, line feed and carriage return belong in a table; a byte-order mark
# belongs to another encoding.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|ÿþ|þÿ")
_TRUE = ("true", "1", "yes", "wahr", "vrai", "vero", "verdadero", "verdadeiro", "waar", "prawda")
_FALSE = ("false", "0", "no", "falsch", "faux", "falso", "onwaar", "fałsz")
# A message shows so much of an entry.
_LONGEST = 200


@dataclass(frozen=True)
class Table:
    """The text of a table.

    Parameters
    ----------
    path
        Where it was read.
    columns
        Names in the header, without surrounding blanks.
    rows
        One mapping from column to text per row; blanks around the text are removed.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def require(self, *names: str) -> None:
        """Refuse the table if it lacks a column.

        Parameters
        ----------
        names
            Columns that must be there.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise InputError(
                f"The table {self.path} lacks the column {missing[0]}.",
                expected="columns " + ", ".join(names),
                found="columns " + ", ".join(self.columns),
                remedy="add the column, or check that the first line holds the column names",
            )


def read_table(path: Path) -> Table:
    """Read a table with a header, in any of the forms in which spreadsheets save it.

    Parameters
    ----------
    path
        Text with commas, semicolons or tabs between the columns; with one of the last two, numbers
        may have decimal commas. UTF-8, UTF-16 with a byte-order mark, or Windows-1252.

    Returns
    -------
    Table
        Columns and rows as text, numbers with a decimal point. Empty lines are left out.
    """
    text, mark = _mark_of(path, _text(path))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise _broken(path, f"line {reader.line_num}: {error}") from error
    if not lines:
        raise _broken(path, "no line at all")
    columns = tuple(name.strip() for name in lines[0][1])
    if len(set(columns)) < len(columns):
        raise _broken(path, "a column name that occurs twice")
    rows = []
    for number, line in lines[1:]:
        if len(line) != len(columns):
            raise _broken(
                path, f"line {number} with {len(line)} entries for {len(columns)} columns"
            )
        rows.append(dict(zip(columns, (cell.strip() for cell in line), strict=True)))
    return Table(path, columns, tuple(_with_points(rows) if mark != "," else rows))


def _mark_of(path: Path, text: str) -> tuple[str, str]:
    """Tell what stands between the columns, from the header."""
    first, _, rest = text.partition("\n")
    if re.fullmatch(r"sep=[,;\t]\s*", first):
        return rest, first[4]
    header = next((line for line in text.splitlines() if line.strip()), "")
    unquoted = re.sub(r'"[^"]*"', "", header)
    used = {mark: unquoted.count(mark) for mark in _MARKS if mark in unquoted}
    most = [mark for mark, number in used.items() if number == max(used.values())]
    if len(most) > 1:
        raise _broken(path, "a first line with as many commas as semicolons or tabs")
    return text, most[0] if most else ","


def _with_points(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Give numbers decimal points, where all of the table have commas."""
    if any(_DECIMAL_POINT.fullmatch(cell) for row in rows for cell in row.values()):
        return rows
    return [
        {
            name: cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell
            for name, cell in row.items()
        }
        for row in rows
    ]


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table whole or not at all.

    Parameters
    ----------
    rows
        Entries in the order of `columns`. None becomes an empty entry, truth values become
        ``true`` and ``false``, and numbers are written so that reading gives the same number.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([format_cell(cell) for cell in row] for row in rows)
    write_text(path, text.getvalue())


def format_cell(cell: Cell) -> str:
    """Give one entry of a table as text.

    Parameters
    ----------
    cell
        Any entry; a number that is not finite is an unknown one.

    Returns
    -------
    str
        Empty for an unknown entry.
    """
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return repr(float(cell)) if isinstance(cell, float) else str(cell)


def parse_float(text: str, column: str, path: Path) -> float | None:
    """Read a number; an empty entry is unknown.

    Parameters
    ----------
    column, path
        What to name in the error.

    Returns
    -------
    float or None
        A finite number, or None.
    """
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _wrong_entry(text, column, path, "a finite number, or nothing where it is unknown")
    return number


def parse_int(text: str, column: str, path: Path) -> int | None:
    """Read a whole number; an empty entry is unknown.

    Parameters
    ----------
    text
        The entry; ``12`` and ``12.0`` are the same.
    column, path
        What to name in the error.

    Returns
    -------
    int or None
        A whole number, or None.
    """
    try:
        return int(text) if text else None
    except ValueError:
        number = parse_float(text, column, path)
    if number is None or number != int(number):
        raise _wrong_entry(text, column, path, "a whole number, or nothing where it is unknown")
    return int(number)


def parse_bool(text: str, column: str, path: Path) -> bool | None:
    """Read a truth value; an empty entry is unknown.

    Parameters
    ----------
    text
        ``true`` or ``false`` in any case, ``1`` or ``0``, ``yes`` or ``no``; or what spreadsheets
        of other languages make of them.
    column, path
        What to name in the error.

    Returns
    -------
    bool or None
        The value, or None.
    """
    known = {"": None, **dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
    if text.lower() not in known:
        raise _wrong_entry(text, column, path, "true or false, or nothing where it is unknown")
    return known[text.lower()]


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _broken(path, error.strerror or type(error).__name__) from error
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Windows-1252 takes nearly any bytes: only those of a text are believed.
        if encoding != "cp1252" or not _NO_TEXT.search(text):
            return text
    raise _broken(path, "bytes that are not UTF-8, UTF-16 or Windows-1252 text")


def _broken(path: Path, found: str) -> InputError:
    return InputError(
        f"The table {path} cannot be read.",
        expected="text with commas, semicolons or tabs, whose first line names the columns",
        found=found,
        remedy="export the table again as CSV, in UTF-8",
    )


def _wrong_entry(text: str, column: str, path: Path, expected: str) -> InputError:
    return InputError(
        f"The table {path} has an entry in the column {column} that cannot be understood.",
        expected=expected,
        found=repr(text[:_LONGEST]) + ("..." if len(text) > _LONGEST else ""),
        remedy="correct the entry or empty it",
    )
