import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import (
    format_cell,
    parse_bool,
    parse_float,
    parse_int,
    read_table,
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
        (parse_bool, "maybe"),
        (parse_bool, "2"),
    ],
)
def test_entries_that_cannot_be_understood_are_shown(parse, text):
    with pytest.raises(InputError, match="count") as caught:
        parse(text, "count", "t.csv")
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("True", True), ("0", False), ("no", False), ("WAHR", True), ("FAUX", False)],
)
def test_truth_values(text, value):
    assert parse_bool(text, "kept", "t.csv") is value
