import numpy as np
import pytest

from adaptoscope.metrics.counts import count_errors
from adaptoscope.reporting.counting_report import CountingRun, counting_report
from adaptoscope.reporting.figures import MethodCounts, display_image
from adaptoscope.reporting.html import Gallery, Paragraph, Report
from adaptoscope.reporting.tables import CountingRow, ScreeningRow

TRUE = np.array([10.0, 50.0, 200.0])


def run(**changes: object) -> CountingRun:
    picture = display_image(np.eye(16), alt="eye")
    values: dict[str, object] = {
        "title": "Demo",
        "images": "the 3 test images",
        "results": [CountingRow("dog", "", 5, 1, count_errors(TRUE + 2, TRUE))],
        "counts": [MethodCounts("dog", TRUE, TRUE + 2, 2.0)],
        "settings": {"seed": 0},
        "provenance": {"real images": "3b0c"},
        "real": [picture],
        "stylised": [picture],
        "screening": [ScreeningRow("stylised", 2, 1.0, 1.0, 1.0, 2)],
        "styles": {"low": "4 images"},
        "published": "27.74 on another split",
    }
    return CountingRun(**{**values, **changes})  # type: ignore[arg-type]


def titles(report: Report) -> list[str]:
    return [section.title for section in report.sections]


def test_the_answer_comes_first_and_the_sources_last() -> None:
    report = counting_report(run())
    assert titles(report) == [
        "Result",
        "How well each method counts",
        "Predicted against true counts",
        "What the images look like",
        "Screening of the stylised images",
        "Styles and settings",
        "Where everything came from",
    ]
    lead = report.sections[0].blocks[0]
    assert isinstance(lead, Paragraph)
    assert lead.text.startswith("On the 3 test images, dog came closest: 2.0 cells off")


def test_published_figures_stand_apart_from_the_table() -> None:
    note = counting_report(run()).sections[1].blocks[-1]
    assert note == Paragraph("27.74 on another split", role="note")
    assert len(counting_report(run(published="")).sections[1].blocks) == 1


def test_the_gallery_has_four_columns_and_says_that_nothing_was_rejected() -> None:
    (gallery,) = counting_report(run()).sections[3].blocks
    assert isinstance(gallery, Gallery)
    assert [column.title for column in gallery.columns] == [
        "Real",
        "Drawing",
        "Stylised",
        "Rejected, and why",
    ]
    assert "no image was rejected" in counting_report(run()).render()


@pytest.mark.parametrize(
    ("left_out", "heading"),
    [
        ({"screening": ()}, "Screening of the stylised images"),
        ({"counts": ()}, "Predicted against true counts"),
        ({"real": (), "stylised": ()}, "What the images look like"),
    ],
    ids=["screening", "counts", "pictures"],
)
def test_a_part_without_content_is_left_out(left_out: dict[str, object], heading: str) -> None:
    assert heading not in titles(counting_report(run(**left_out)))


def test_the_report_warns_that_live_and_dead_cells_are_one() -> None:
    assert "Live and dead cells are not told apart." in counting_report(run()).render()
