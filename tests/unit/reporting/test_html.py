import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from adaptoscope.reporting.figures import display_image
from adaptoscope.reporting.html import (
    Facts,
    Gallery,
    GalleryColumn,
    Listing,
    Paragraph,
    Report,
    settings_listing,
)
from adaptoscope.reporting.tables import Table

VOID = {"meta", "img", "br"}


class Outline(HTMLParser):
    """Notes elements, their attributes, and whether they are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def example() -> Report:
    picture = display_image(np.eye(16), alt="a diagonal line", caption="eye")
    report = Report("Counting <cells>", "seed 0")
    report.add("Result", Paragraph("dog & cat <b>", role="lead"), Paragraph("apart", role="note"))
    table = Table(("Method", "MAE"), (("dog", "6.3"), ("constant", "100")), "errors", best=0)
    report.add("Table", table)
    columns = (GalleryColumn("Real", [picture]), GalleryColumn("Rejected", [], "nothing rejected"))
    report.add("Pictures", picture, Gallery(columns, "stretched"))
    report.add("Settings", Listing("a: <1>", "settings.yaml"), Facts({"a.tif": "3b0c"}, "Hashes"))
    return report


def test_the_page_is_well_formed_and_every_picture_has_an_alternative_text() -> None:
    outline = Outline(example().render())
    assert outline.open == []
    pictures = [attributes for tag, attributes in outline.elements if tag == "img"]
    assert [attributes["alt"] for attributes in pictures] == ["a diagonal line"] * 2


def test_the_page_refers_to_nothing_outside_itself() -> None:
    page = example().render()
    outline = Outline(page)
    addresses = [a[key] for _, a in outline.elements for key in ("src", "href") if key in a]
    assert all(str(address).startswith(("data:", "#")) for address in addresses)
    assert "<script" not in page
    assert not re.search(r"https?://|@import|url\(", page)


def test_every_text_is_escaped() -> None:
    page = example().render()
    assert "<h1>Counting &lt;cells&gt;</h1>" in page
    assert "dog &amp; cat &lt;b&gt;" in page
    assert "a: &lt;1&gt;" in page


def test_the_best_row_is_told_apart_by_a_word_and_not_only_by_colour() -> None:
    page = example().render()
    (best,) = re.findall(r'<tr class="best">(.*?)</tr>', page, flags=re.DOTALL)
    assert "dog" in best
    assert ">best</span>" in best


def test_an_empty_column_takes_no_room_and_says_why() -> None:
    page = example().render()
    assert "stretched Rejected: nothing rejected." in page
    assert "--columns: 1" in page
    assert "<h3>Rejected</h3>" not in page


def test_what_stands_between_backticks_is_code() -> None:
    report = Report("A")
    report.add("B", Paragraph("type `count <x>` and `go`, not ` alone"))
    page = report.render()
    assert "type <code>count &lt;x&gt;</code> and <code>go</code>, not ` alone</p>" in page


def test_words_at_the_end_of_a_table_are_flush_left() -> None:
    table = Table(("a", "b", "c"), (("x", "1", "why"),), words_at_end=1)
    assert [table.is_words(place) for place in range(3)] == [True, False, True]
    report = Report("A")
    report.add("B", table)
    assert '<td class="words">why</td>' in report.render()


def test_the_same_report_is_the_same_file(tmp_path: Path) -> None:
    example().write(tmp_path / "one.html")
    example().write(tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.html", "two.html"]


def test_settings_keep_their_order() -> None:
    listing = settings_listing({"seed": 0, "images": {"side": 256, "bit_depth": 8}})
    assert listing.text == "seed: 0\nimages:\n  side: 256\n  bit_depth: 8\n"
