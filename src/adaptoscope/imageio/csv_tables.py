"""Tables as text: read as Excel writes them anywhere, written in one fixed form with commas."""

from __future__ import annotations

import codecs
import csv
import functools
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from adaptoscope.errors import InputError
from adaptoscope.imageio.atomic_files import write_text

Cell = str | int | float | bool | None
_Row = TypeVar("_Row")
_Value = TypeVar("_Value")

_MARKS = (",", ";", "\t")
_FIRST_LINE = re.compile(r"[^\r\n]*\S[^\r\n]*")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
# Of the first 32 codes only tab, line feed and carriage return belong in a table; a byte-order mark
# belongs to another encoding.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|ÿþ|þÿ")
_TRUE = ("true", "1", "yes", "wahr", "vrai", "vero", "verdadero", "verdadeiro", "waar", "prawda")
_FALSE = ("false", "0", "no", "falsch", "faux", "falso", "onwaar", "fałsz")
_TRUTH = {"": None, **dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
# A message shows so much of an entry.
_LONGEST = 200


@dataclass(frozen=True)
class CsvTable:
    """The text of a table: names in the header, and lines of as many entries without blanks."""

    path: Path
    columns: tuple[str, ...]
    lines: tuple[list[str], ...]

    @property
    def rows(self) -> tuple[Mapping[str, str], ...]:
        """One mapping from column to text per line."""
        return tuple(dict(zip(self.columns, line, strict=True)) for line in self.lines)

    def column(self, name: str) -> list[str]:
        """Return the entries of one column."""
        place = self.columns.index(name)
        return [line[place] for line in self.lines]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as finite numbers, NaN where an entry is empty."""
        entries = self.column(name)
        try:
            found = np.array(list(map(float, entries)), dtype=np.float64)
        except ValueError:
            found = np.array([np.nan])
        if np.isfinite(found).all():
            return found
        # One entry at a time, which says what is wrong with it.
        read = (parse_float(entry, name, self.path) for entry in entries)
        return np.array([np.nan if number is None else number for number in read], np.float64)

    def require(self, *names: str) -> None:
        """Refuse the table if it lacks one of these columns."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise InputError(
                f"The table {self.path} lacks the column {missing[0]}.",
                expected="columns " + ", ".join(names),
                found="columns " + ", ".join(self.columns),
                remedy="add the column, or check that the first line holds the column names",
            )


def read_table(path: Path) -> CsvTable:
    """Read a table with a header, in any of the forms in which spreadsheets save it.

    Commas, semicolons or tabs stand between the columns; with one of the last two, numbers may have
    decimal commas, which become points. UTF-8, UTF-16 with a byte-order mark, or Windows-1252.
    Empty lines are left out.
    """
    text, mark = _mark_of(path, _text(path))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    columns: tuple[str, ...] = ()
    lines: list[list[str]] = []
    try:
        for entries in reader:
            line = [entry.strip() for entry in entries]
            if not any(line):
                continue
            if not columns:
                columns = tuple(line)
            elif len(line) == len(columns):
                lines.append(line)
            else:
                raise _broken(
                    path,
                    f"line {reader.line_num} with {len(line)} entries for {len(columns)} columns",
                )
    except csv.Error as error:
        raise _broken(path, f"line {reader.line_num}: {error}") from error
    if not columns:
        raise _broken(path, "no line at all")
    if len(set(columns)) < len(columns):
        raise _broken(path, "a column name that occurs twice")
    return CsvTable(path, columns, tuple(lines if mark == "," else _with_points(lines)))


def _mark_of(path: Path, text: str) -> tuple[str, str]:
    """Tell what stands between the columns, from the header."""
    first, _, rest = text.partition("\n")
    if re.fullmatch(r"sep=[,;\t]\s*", first):
        return rest, first[4]
    header = _FIRST_LINE.search(text)
    unquoted = re.sub(r'"[^"]*"', "", header[0] if header else "")
    used = {mark: unquoted.count(mark) for mark in _MARKS if mark in unquoted}
    most = [mark for mark, number in used.items() if number == max(used.values())]
    if len(most) > 1:
        raise _broken(path, "a first line with as many commas as semicolons or tabs")
    return text, most[0] if most else ","


def _with_points(lines: list[list[str]]) -> list[list[str]]:
    """Give numbers decimal points, where all of the table have commas."""
    if any(_DECIMAL_POINT.fullmatch(entry) for line in lines for entry in line):
        return lines
    return [
        [entry.replace(",", ".") if _DECIMAL_COMMA.fullmatch(entry) else entry for entry in line]
        for line in lines
    ]


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table whole or not at all, entries as `format_cell` gives them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([format_cell(cell) for cell in row] for row in rows)
    write_text(path, text.getvalue())


def format_cell(cell: Cell) -> str:
    """Give one entry of a table as text; reading a number gives the same number.

    None and numbers that are not finite become empty entries: they are unknown.
    """
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return repr(float(cell)) if isinstance(cell, float) else str(cell)


def append_row(path: Path, row: Mapping[str, Cell]) -> None:
    """Add a row to a table of our own, whose first row decides the columns.

    Later rows may lack some, but bring no others.
    """
    if not path.exists():
        write_table(path, list(row), [])
    with path.open(newline="", encoding="utf-8") as stream:
        columns = next(csv.reader(stream))
    if unknown := [name for name in row if name not in columns]:
        raise ValueError(f"{path} has no column {', '.join(unknown)}: its first row had none")
    with path.open("a", newline="", encoding="utf-8") as stream:
        cells = [format_cell(row.get(name)) for name in columns]
        csv.writer(stream, lineterminator="\n").writerow(cells)


def _as_float(text: str) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        raise ValueError("a finite number, or nothing where it is unknown")
    return number


def _as_int(text: str) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        number = _as_float(text)
    if number is None or number != int(number):
        raise ValueError("a whole number, or nothing where it is unknown")
    return int(number)


def _as_bool(text: str) -> bool | None:
    if text.lower() not in _TRUTH:
        raise ValueError("true or false, or nothing where it is unknown")
    return _TRUTH[text.lower()]


def _before(parse: Callable[[str], Cell]) -> BeforeValidator:
    return BeforeValidator(lambda entry: parse(entry) if isinstance(entry, str) else entry)


NUMBER, WHOLE, TRUTH = _before(_as_float), _before(_as_int), _before(_as_bool)
"""What reads a finite number, a whole one (also ``12.0``) and a truth value in the words of many
spreadsheets from the text of a cell; an empty one is None."""

Number = Annotated[float | None, NUMBER]
Whole = Annotated[int | None, WHOLE]
Truth = Annotated[bool | None, TRUTH]
Text = Annotated[str | None, _before(lambda text: text or None)]


def row_as(kind: type[_Row], row: Mapping[str, Any], path: Path, possible: str = "") -> _Row:
    """Return one row as a dataclass whose fields have the types above and pydantic's limits.

    Parameters
    ----------
    kind
        Its first field names the row in messages.
    row
        Entry by column; columns that are missing are unknown.
    """
    try:
        checker: TypeAdapter[_Row] = _checker(cast(Any, kind))
        return checker.validate_python(row)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    for fault in faults:
        if fault["type"] == "value_error":
            expected = str(fault["ctx"]["error"])
            raise _wrong_entry(fault["input"], str(fault["loc"][0]), path, expected)
    first = next(iter(kind.__annotations__))
    given = [f"{each['loc'][0]} = {each['input']}" for each in faults if each["loc"][0] != first]
    raise InputError(
        f"The table {path} has an impossible value for {row.get(first) or 'an image'}.",
        expected=possible,
        found=", ".join(given) or f"a row without {first}",
        remedy="correct the entry or empty it",
    )


@functools.cache
def _checker(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def parse_float(text: str, column: str, path: Path) -> float | None:
    """Read a finite number; an empty entry is None. `column` and `path` are for the message."""
    return _parsed(_as_float, text, column, path)


def parse_int(text: str, column: str, path: Path) -> int | None:
    """Read a whole number, also ``12.0``; an empty entry is None."""
    return _parsed(_as_int, text, column, path)


def _parsed(parse: Callable[[str], _Value], text: str, column: str, path: Path) -> _Value:
    try:
        return parse(text)
    except ValueError as error:
        raise _wrong_entry(text, column, path, str(error)) from error


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
