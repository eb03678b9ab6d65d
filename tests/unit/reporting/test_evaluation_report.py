import dataclasses

import numpy as np
import pytest

from adaptoscope.metrics.counts import count_errors
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.paired import PairedDifference
from adaptoscope.metrics.point_matching import PooledShares
from adaptoscope.reporting.evaluation_report import (
    EvaluationRun,
    ReportedCounter,
    WorstImage,
    compared,
    evaluation_report,
)
from adaptoscope.reporting.figures import display_image
from adaptoscope.reporting.html import Gallery, Report
from adaptoscope.reporting.tables import Table

TRUE = np.array([10.0, 50.0, 200.0])


def counter(name: str = "nuclei", error: float = 2.0, **changes: object) -> ReportedCounter:
    errors = count_errors(TRUE + error, TRUE)
    values: dict[str, object] = {
        "name": name,
        "errors": errors,
        "mae_interval": Interval(errors.mae, errors.mae - 1, errors.mae + 1),
        "points": PooledShares(0.9, 0.8, 0.847),
        "game": (2.0, 3.0, 4.0, 5.0),
        "by_density": {"low": count_errors(TRUE[:1] + error, TRUE[:1]),
                       "high": count_errors(TRUE[1:] + error, TRUE[1:])},
        "predicted": TRUE + error,
        "true": TRUE,
        "density_classes": ("low", "high", "high"),
    }  # fmt: skip
    return ReportedCounter(**{**values, **changes})  # type: ignore[arg-type]


def run(**changes: object) -> EvaluationRun:
    pictures = (display_image(np.eye(16), alt="eye"),) * 3
    values: dict[str, object] = {
        "images": "the 3 images of the split test of fields",
        "counter": counter(),
        "worst": [
            WorstImage("a.tif", "high", 200, 190.5, 12, 3, pictures),
            WorstImage("b.tif", "low", 0, 4.25),
        ],
        "provenance": {"images": "fields"},
    }
    return EvaluationRun(**{**values, **changes})  # type: ignore[arg-type]


def tables(report: Report) -> list[Table]:
    blocks = [block for section in report.sections for block in section.blocks]
    return [block for block in blocks if isinstance(block, Table)]


def test_the_answer_comes_first_with_its_units() -> None:
    report = evaluation_report(run())

    assert [section.title for section in report.sections] == [
        "Result",
        "Errors",
        "Predicted against true counts",
        "Error by density of cells",
        "Worst images",
        "Where everything came from",
    ]
    lead = report.sections[0].blocks[0].text
    assert lead.startswith("On the 3 images of the split test of fields, nuclei is 2.0 cells off")
    assert "2.0 cells too many on average. The 95 % limits of agreement are +2.0 and +2.0" in lead
    assert "Live and dead cells are not told apart." in report.render()


def test_a_counter_that_counts_too_few_is_said_to() -> None:
    assert "3.0 cells too few" in evaluation_report(run(counter=counter(error=-3))).render()


def test_worst_images_say_by_how_much_they_are_off() -> None:
    worst = tables(evaluation_report(run()))[-1]

    assert worst.rows[0] == ("a.tif", "high", "200", "190.5", "−9.5", "−5 %", "12", "3")
    assert worst.rows[1] == ("b.tif", "low", "0", "4.2", "+4.2", "–", "–", "–")


def test_pictures_stand_in_three_columns_for_the_images_that_have_them() -> None:
    galleries = [
        block for block in evaluation_report(run()).sections[4].blocks if isinstance(block, Gallery)
    ]

    assert [len(column.pictures) for column in galleries[0].columns] == [1, 1, 1]
    assert [column.title for column in galleries[0].columns][2] == "Its true and found cells"


def test_a_counter_without_positions_has_no_table_of_them() -> None:
    bare = counter(points=None, game=None)

    assert len(tables(evaluation_report(run(counter=bare)))) == 3
    both = tables(evaluation_report(run(counter=bare, other=counter("dog"))))[1]
    assert both.rows[0] == ("nuclei", *("–",) * 7)
    assert both.rows[1][1] == "0.847"


def test_another_counter_stands_beside_in_every_table() -> None:
    difference = PairedDifference(5, Interval(-1.5, -2.0, -0.5))
    report = evaluation_report(run(other=counter("dog", 3.5), difference=difference))
    few = PairedDifference(4, Interval(-1.5, -2.0, -0.5))
    unsure = evaluation_report(run(other=counter("dog", 3.5), difference=few))
    assert "too few to tell" in unsure.sections[0].blocks[1].text

    assert [row[0] for row in tables(report)[0].rows] == ["nuclei", "dog"]
    density = tables(report)[2]
    assert density.columns[2:] == (
        "MAE of nuclei", "Bias of nuclei", "MAPE of nuclei", "MAE of dog", "Bias of dog",
        "MAPE of dog",
    )  # fmt: skip
    assert len(report.sections[2].blocks) == 2
    assert "nuclei is nearer to the truth" in report.sections[0].blocks[1].text


@pytest.mark.parametrize(
    ("bounds", "said"),
    [((-2.0, -1.0), "a is nearer"), ((1.0, 2.0), "b is nearer"), ((-1.0, 2.0), "do not tell")],
)
def test_a_difference_is_only_called_one_where_the_interval_excludes_0(
    bounds: tuple[float, float], said: str
) -> None:
    found = PairedDifference(9, Interval(sum(bounds) / 2, *bounds))
    assert said in compared("a", "b", found)


def test_remarks_are_shown_and_a_set_without_worst_images_has_no_such_part() -> None:
    report = evaluation_report(run(remarks=["Seen images were counted."], worst=[]))

    assert "Seen images were counted." in report.render()
    assert "Worst images" not in [section.title for section in report.sections]


def test_one_image_has_a_report_too() -> None:
    one = dataclasses.replace(
        counter(),
        errors=count_errors(TRUE[:1] + 2, TRUE[:1]),
        by_density={"low": count_errors(TRUE[:1] + 2, TRUE[:1])},
        predicted=TRUE[:1] + 2,
        true=TRUE[:1],
        density_classes=("low",),
    )
    page = evaluation_report(run(counter=one)).render()
    assert "limits of agreement are" not in page
    assert ">nan" not in page
