import re
from pathlib import Path

import pytest
from tests.unit.comparison.conftest import Texture, write

from adaptoscope.comparison.compare import Comparison, compare
from adaptoscope.comparison.settings import ComparisonSettings
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.pipeline.comparison_report import comparison_text, write_comparison_report

Compared = tuple[Comparison, CountedImageSet, CountedImageSet]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    home = tmp_path_factory.mktemp("sets")
    a, b = write(home / "known"), write(home / "new", lambda pixels: 4 * pixels)
    settings = ComparisonSettings(tile=64, halvings=2, most_images=4)
    return compare(a, b, settings, encoder=Texture()), a, b


def test_the_text_holds_every_quantity_and_the_advice(compared: Compared) -> None:
    found, a, _ = compared
    text = comparison_text(found)
    assert f"A = {a.folder}: 4 of 6 images, evenly over the list, cells marked." in text
    lines = text.splitlines()
    for row in found.rows:
        (line,) = (line for line in lines if line.startswith(f"{row.words}  "))
        assert line.endswith(row.verdict)
    assert lines[-len(found.advice) :] == list(found.advice)


def test_the_report_shows_both_sets_and_is_one_file(compared: Compared, tmp_path: Path) -> None:
    found, a, b = compared
    write_comparison_report(tmp_path / "report.html", found, a, b)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 6
    assert page.count("data:image/svg+xml;base64,") == 1
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert "B is saturated" in page
    assert "most_images: 4" in page


def test_equal_comparisons_give_equal_files(compared: Compared, tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        write_comparison_report(tmp_path / name, *compared)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
