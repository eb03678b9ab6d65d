from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import (
    NUMBER,
    Truth,
    append_row,
    format_cell,
    parse_float,
    parse_int,
    read_table,
    row_as,
    write_table,
)


def test_a_table_round_trip_keeps_commas_quotes_and_letters(tmp_path):
    rows = [("a, b", 'say "c"'), ("µ", ""), ("line\nbreak", "x")]
    write_table(tmp_path / "t.csv", ("one", "two"), rows)
    table = read_table(tmp_path / "t.csv")
    assert [tuple(row.values()) for row in table.rows] == rows
    assert table.columns == ("one", "two")


def test_byte_order_marks_windows_line_ends_and_blanks_are_understood(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffimage, x\r\na.png , 1\r\n\r\n".encode())
    assert read_table(tmp_path / "t.csv").rows == ({"image": "a.png", "x": "1"},)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "no line"),
        (b"a,b\n1\n", "line 2 with 1 entries for 2 columns"),
        (b"a,a\n", "twice"),
        (b"image;x,y\na.png;1,5\n", "as many commas as semicolons"),
        (b"a,b\n\xff\xfe,1\n", "not UTF-8"),
        (b"a,b\n\x81\x82,1\n", "not UTF-8"),
        (b"a,b\n\xe4\x00\x01,1\n", "not UTF-8"),
        (b"a;b\n1;2;3\n", "3 entries for 2 columns"),
        (b'a\n"b', "line"),
    ],
)
def test_broken_tables_are_refused(tmp_path, content, found):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=found):
        read_table(tmp_path / "t.csv")


EXCEL = "image;x;y\nPräparat 1.tif;12,5;-3\nb.tif;1,5E+02;,25\n"


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("first", ["", "sep="])
def test_tables_of_spreadsheets_with_decimal_commas(tmp_path, mark, line_end, encoding, first):
    text = (f"{first}{mark}\n" if first else "") + EXCEL.replace(";", mark)
    (tmp_path / "t.csv").write_bytes(text.replace("\n", line_end).encode(encoding))
    rows = [tuple(row.values()) for row in read_table(tmp_path / "t.csv").rows]
    assert rows == [("Präparat 1.tif", "12.5", "-3"), ("b.tif", "1.5E+02", ".25")]


def test_utf_16_of_the_other_byte_order_is_read(tmp_path):
    (tmp_path / "t.csv").write_bytes(("﻿" + EXCEL).encode("utf-16-be"))
    assert read_table(tmp_path / "t.csv").rows[1]["x"] == "1.5E+02"


def test_a_comma_beside_decimal_points_is_no_decimal_comma(tmp_path):
    (tmp_path / "t.csv").write_text("image;x;y\na.tif;1,234;5.5\n")
    (row,) = read_table(tmp_path / "t.csv").rows
    assert row["x"] == "1,234"
    with pytest.raises(InputError, match="cannot be understood"):
        parse_float(row["x"], "x", tmp_path / "t.csv")


def test_marks_inside_quotes_do_not_count(tmp_path):
    (tmp_path / "t.csv").write_text('image,"a;b;c;d",y\na.tif,1,2\n')
    assert read_table(tmp_path / "t.csv").columns == ("image", "a;b;c;d", "y")


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("image,x\n")
    with pytest.raises(InputError, match="lacks the column y"):
        read_table(tmp_path / "t.csv").require("image", "x", "y")


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_without_loss(tmp_path_factory, number):
    assert parse_float(format_cell(number), "x", "t.csv") == number


@pytest.mark.parametrize(
    ("cell", "text"), [(None, ""), (float("nan"), ""), (True, "true"), (False, "false"), (3, "3")]
)
def test_cells_as_text(cell, text):
    assert format_cell(cell) == text


def test_whole_numbers_may_be_written_as_floats():
    assert parse_int("12.0", "count", "t.csv") == 12
    assert parse_int("", "count", "t.csv") is None


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_int, "1.5"),
        (parse_int, "x"),
        (parse_float, "nan"),
        (parse_float, "1,5"),
    ],
)
def test_entries_that_cannot_be_understood_are_shown(parse, text):
    with pytest.raises(InputError, match="count") as caught:
        parse(text, "count", "t.csv")
    assert repr(text) in str(caught.value)


@dataclass(frozen=True)
class Row:
    name: str
    kept: Truth = None
    share: Annotated[Annotated[float, Field(ge=0, le=1)] | None, NUMBER] = None


@pytest.mark.parametrize(
    ("text", "value"),
    [("True", True), ("0", False), ("no", False), ("WAHR", True), ("FAUX", False), ("", None)],
)
def test_truth_values(text, value):
    assert row_as(Row, {"name": "a", "kept": text}, "t.csv").kept is value


@pytest.mark.parametrize("text", ["maybe", "2"])
def test_an_entry_of_a_row_that_cannot_be_understood_is_shown(text):
    with pytest.raises(InputError, match="kept") as caught:
        row_as(Row, {"name": "a", "kept": text}, "t.csv")
    assert repr(text) in str(caught.value)


def test_an_impossible_value_of_a_row_is_named():
    with pytest.raises(InputError, match="impossible value for a") as caught:
        row_as(Row, {"name": "a", "share": "1.5"}, "t.csv", "shares from 0 to 1")
    assert (caught.value.found, caught.value.expected) == ("share = 1.5", "shares from 0 to 1")


def test_a_column_of_numbers_has_gaps_and_names_what_is_none(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1.5,2\n,3\n")
    table = read_table(tmp_path / "t.csv")
    np.testing.assert_array_equal(table.numbers("x"), [1.5, np.nan])
    (tmp_path / "t.csv").write_text("x,y\n1.5,2\ninf,3\n")
    with pytest.raises(InputError, match="column x"):
        read_table(tmp_path / "t.csv").numbers("x")


def test_rows_are_appended_under_the_columns_of_the_first(tmp_path):
    path = tmp_path / "new" / "t.csv"
    append_row(path, {"step": 1, "loss": 0.5})
    append_row(path, {"step": 2})
    assert path.read_text() == "step,loss\n1,0.5\n2,\n"
    with pytest.raises(ValueError, match="no column other"):
        append_row(path, {"other": 1})
