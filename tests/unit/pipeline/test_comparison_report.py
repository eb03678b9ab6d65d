import re
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.comparison.compare import Comparison, compare
from adaptoscope.comparison.settings import ComparisonSettings
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.metrics.distributions import LEVELS
from adaptoscope.pipeline.comparison_report import (
    _edges,
    _shares,
    comparison_text,
    write_comparison_report,
)
from tests.unit.comparison.conftest import texture, write

Compared = tuple[Comparison, CountedImageSet, CountedImageSet]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    home = tmp_path_factory.mktemp("sets")
    a, b = write(home / "known"), write(home / "new", lambda pixels: 4 * pixels)
    settings = ComparisonSettings(tile=64, halvings=2, most_images=4)
    return compare(a, b, settings, encoder=texture), a, b


def test_the_text_holds_every_quantity_and_the_advice(compared: Compared) -> None:
    found, a, _ = compared
    text = comparison_text(found)
    assert f"A = {a.folder}: 4 of 6 images, evenly over the list, cells marked." in text
    lines = text.splitlines()
    for row in found.rows:
        (line,) = (line for line in lines if line.startswith(f"{row.words}  "))
        assert line.endswith(row.verdict)
    assert lines[-len(found.advice) :] == list(found.advice)
    titles = {row.title for row in found.rows}
    assert len(titles) == len(found.rows)
    notes = [line for line in lines if line.startswith("(")]
    assert notes
    assert all(any(note.startswith(f"({each}: ") for each in titles) for note in notes)


def test_the_report_shows_both_sets_and_is_one_file(compared: Compared, tmp_path: Path) -> None:
    found, a, b = compared
    write_comparison_report(tmp_path / "report.html", found, a, b)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 6
    assert page.count("data:image/svg+xml;base64,") == 1
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert "B is saturated" in page
    assert "most_images: 4" in page


def test_commands_are_set_as_code_and_words_are_flush_left(
    compared: Compared, tmp_path: Path
) -> None:
    found, a, b = compared
    write_comparison_report(tmp_path / "report.html", found, a, b)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert f"<code>adaptoscope count check {b.folder} --n 10</code>" in page
    assert "`" not in page.split("<pre")[0]
    assert '<th scope="col" class="words">note</th>' in page
    assert '<th scope="col" class="figures">difference</th>' in page


def test_no_number_is_written_with_a_power_of_ten(compared: Compared) -> None:
    table = comparison_text(compared[0])
    assert not re.search(r"[0-9]e[+-][0-9]", table)


@pytest.mark.parametrize("highest", [1, 40, 255])
def test_bins_hold_equally_many_levels_that_can_occur(highest: int) -> None:
    eight_bit = np.zeros(LEVELS, dtype=np.int64)
    eight_bit[257 * np.arange(highest + 1)] = 100
    shares = _shares(eight_bit, _edges([eight_bit]))
    assert shares == pytest.approx(np.full(highest + 1, 1 / (highest + 1)))


def test_bins_of_sixteen_bits_are_no_more_than_can_be_seen() -> None:
    sixteen_bit = np.zeros(LEVELS, dtype=np.int64)
    sixteen_bit[:40001] = 1
    edges = _edges([sixteen_bit])
    assert len(edges) - 1 <= 256
    counts = _shares(sixteen_bit, edges) * 40001
    assert np.unique(counts.round()[:-1]).tolist() == [157.0]


def test_equal_comparisons_give_equal_files(compared: Compared, tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        write_comparison_report(tmp_path / name, *compared)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
