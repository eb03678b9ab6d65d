import math
from dataclasses import replace

import pytest

from adaptoscope.errors import InputError
from adaptoscope.metrics.counts import CountErrors
from adaptoscope.metrics.intervals import Interval
from adaptoscope.reporting.tables import (
    CountingRow,
    ScreeningRow,
    Table,
    best_row,
    counting_table,
    main_result,
    markdown,
    screening_table,
)


def row(method: str, mae: float, labels: int = 76) -> CountingRow:
    errors = CountErrors(19, mae, 1.5 * mae, -0.25 * mae, 0.25, 0.5, 0.1, 0.9)
    return CountingRow(method, "nuclei", labels, 3, errors, Interval(mae, mae - 1, mae + 1))


ROWS = [row("real only", 8.0), row("stylised", 5.0, labels=0), row("broken", math.nan)]


def test_the_smallest_error_is_best_and_nan_never_is() -> None:
    assert best_row(ROWS) == 1
    assert best_row([row("broken", math.nan)]) is None
    assert best_row([]) is None


def test_counting_cells_are_rounded_and_signed() -> None:
    table = counting_table(ROWS)
    assert table.best == 1
    assert table.rows[1] == (
        "stylised",
        "nuclei",
        "0",
        "3",
        "5.0 [4.0, 6.0]",
        "7.5",
        "\N{MINUS SIGN}1.2",
        "25 %",
        "50 %",
    )
    assert table.rows[2][5] == "\N{EN DASH}"


def test_rejects_become_one_column_per_reason_as_shares() -> None:
    table = screening_table(
        [
            ScreeningRow("stylised", 200, 0.9, 0.8, 0.847, 150, {"lost_cells": 50}),
            ScreeningRow("AdaIN only", 200, 1.0, 1.0, 1.0, 190, {"invented_cells": 10}),
            ScreeningRow("empty", 0, math.nan, math.nan, math.nan, 0),
        ]
    )
    assert table.columns[-2:] == ("Rejected: invented cells", "Rejected: lost cells")
    assert table.rows[0] == ("stylised", "200", "0.847", "0.900", "0.800", "75 %", "0 %", "25 %")
    assert table.rows[1][-3:] == ("95 %", "5 %", "0 %")
    assert table.rows[2][-3:] == ("\N{EN DASH}",) * 3


def test_the_main_result_names_method_error_interval_and_labels() -> None:
    assert main_result(ROWS, "the 19 test images") == (
        "On the 19 test images, stylised came closest: 5.0 cells off on average "
        "(95 % interval 4.0 to 6.0), with no labelled image. Next came real only, 8.0 cells off."
    )


def test_the_main_result_of_one_or_no_method() -> None:
    assert main_result([], "the test images") == "No method counted the test images."
    assert "Next" not in main_result(ROWS[:1], "the test images")
    with_broken = main_result([ROWS[1], ROWS[2]], "the test images")
    assert "broken" not in with_broken


def test_markdown_sets_the_best_row_in_bold_and_keeps_its_columns() -> None:
    table = Table(("Name", "MAE"), (("a|b", "2"), ("c", "1")), best=1)
    assert markdown(table) == "| Name | MAE |\n| --- | ---: |\n| a\\|b | 2 |\n| **c** | **1** |\n"


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="does not fit"):
        Table(("Name", "MAE"), (("only one",),))


def test_of_too_few_images_no_method_is_the_best() -> None:
    few = [replace(each, errors=replace(each.errors, n=2), mae_interval=None) for each in ROWS]
    assert counting_table(few).best is None
    assert "too few images for an interval, or to rank methods" in main_result(few, "the 2 images")
