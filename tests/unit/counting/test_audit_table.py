from pathlib import Path

import pytest

from adaptoscope.counting.audit_table import (
    CheckRow,
    fill_from_labels,
    read_check,
    refuse_uncounted,
    write_check,
)
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_text


def row(image: str, hand_count: int | None = None) -> CheckRow:
    return CheckRow(image, 12.5, 10.0, None, "drawn", "1", 6, 0.5, hand_count)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_check(tmp_path / "check.csv", [row("a.png"), row("b.png", 3), row("c.png", 0)])
    return tmp_path / "check.csv"


def test_what_was_written_is_read_again(path: Path) -> None:
    assert read_check(path) == [row("a.png"), row("b.png", 3), row("c.png", 0)]


def test_hand_counts_stand_beside_the_names_and_what_the_counter_found_at_the_end(
    path: Path,
) -> None:
    columns = path.read_text("utf-8").splitlines()[0].split(",")
    assert columns[:2] == ["image", "hand_count"]
    assert columns[-3:] == ["count", "lower", "upper"]


def test_a_table_with_its_columns_in_the_former_order_is_read(path: Path) -> None:
    columns = "image,count,lower,upper,reason,stratum,stratum_images,inclusion,hand_count"
    lines = [
        f"{name},12.5,10.0,,drawn,1,6,0.5,{n}" for name, n in zip("abc", (4, 3, 0), strict=True)
    ]
    write_text(path, "\n".join([columns, *lines, ""]))
    assert [(each.image, each.hand_count) for each in read_check(path)] == [
        ("a", 4), ("b", 3), ("c", 0),
    ]  # fmt: skip


def test_rows_without_a_hand_count_are_named(path: Path) -> None:
    with pytest.raises(InputError, match=r"none for a\.png"):
        refuse_uncounted(read_check(path), path)
    refuse_uncounted([row("a.png", 0)], path)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("b.png,3", "b.png,-3", "impossible"),
        ("b.png,3", "b.png,3.5", "whole number"),
        ("b.png,3", "b.png,many", "hand_count"),
        ("b.png", "a.png", "twice"),
        ("b.png,3,drawn,1,6,0.5,12.5,10.0,\n", "", "stratum 1 has changed"),
        ("3,drawn,1,6,0.5", "3,drawn,1,7,0.5", "stratum 1 has changed"),
        ("3,drawn,1,6,0.5", "3,drawn,1,6,", "all else as it was written"),
        ("stratum_images", "size", "lacks the column stratum_images"),
    ],
)
def test_a_damaged_table_is_refused(path: Path, before: str, after: str, said: str) -> None:
    text = path.read_text("utf-8")
    assert before in text
    write_text(path, text.replace(before, after))
    with pytest.raises(InputError, match=said):
        read_check(path)


def test_points_fill_in_hand_counts_and_images_without_a_row_have_none(path: Path) -> None:
    points = "image,x,y\nimages/a.png,1,2\na.png,5,5\nz.png,1,1\n"
    write_text(path.with_name("points.csv"), points)
    assert fill_from_labels(path, path.with_name("points.csv")) == ["b.png", "c.png"]
    assert [each.hand_count for each in read_check(path)] == [2, 0, 0]


def test_counts_fill_in_hand_counts(path: Path) -> None:
    write_text(path.with_name("counts.csv"), "image,count\na.png,7\nb.png,8\nc.png,0\nd.png,\n")
    assert fill_from_labels(path, path.with_name("counts.csv")) == []
    assert [each.hand_count for each in read_check(path)] == [7, 8, 0]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("image,count\na.png,7\nb.png,8\n", r"none for c\.png"),
        ("image,count\nx.png,7\n", "of other images"),
        ("image,x,y\nx.png,7,1\n", "of other images"),
        ("image,count\na.png,7\na.png,8\n", "twice"),
        ("image,count\na.png,-7\n", "impossible"),
        ("image,cells\na.png,7\n", "lacks the column count"),
    ],
)
def test_labels_that_do_not_fit_are_refused(path: Path, table: str, said: str) -> None:
    write_text(path.with_name("labels.csv"), table)
    before = path.read_bytes()
    with pytest.raises(InputError, match=said):
        fill_from_labels(path, path.with_name("labels.csv"))
    assert path.read_bytes() == before
