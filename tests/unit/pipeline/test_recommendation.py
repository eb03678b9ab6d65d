from dataclasses import replace

import numpy as np
import pytest

from adaptoscope.pipeline.counting_stage import RowResult
from adaptoscope.pipeline.recommendation import recommendation
from adaptoscope.pipeline.rows import Row

TRUE = np.arange(10.0, 90.0, 4.0)


def result(errors: np.ndarray, labels: int, **row: object) -> RowResult:
    chosen = Row.model_validate({"name": str(row["method"]).title(), **row})
    names = tuple(f"{place}.png" for place in range(len(TRUE)))
    return RowResult(chosen, names, TRUE, (TRUE + errors)[None], labels=float(labels))


def off(mean: float, noise: float = 0.1) -> np.ndarray:
    return mean + noise * np.random.default_rng(round(10 * mean)).standard_normal(len(TRUE))


SHIPPED = {"method": "nuclei"}
DEFAULT = {"method": "centres", "labelled": 6}


def test_a_shipped_counter_that_comes_closest_is_recommended() -> None:
    said = recommendation([result(off(2.0), 0, **SHIPPED), result(off(3.0), 6, **DEFAULT)])
    assert said.startswith(
        "On images like these use the counter `nuclei` as it is shipped "
        "(`adaptoscope count predict IMAGES --out counts.csv`), because it came closest: 2.0 cells"
    )
    assert said.endswith("with no labelled image.")


def test_labels_are_not_asked_for_where_they_bring_nothing_sure() -> None:
    rows = [result(off(3.0, 9.0), 0, **SHIPPED), result(off(2.9, 9.0), 6, **DEFAULT)]
    rows.sort(key=lambda one: one.errors().mae)
    best = rows[0].row.name
    said = recommendation(rows)
    assert "`nuclei` as it is shipped" in said
    if best == "Centres":
        assert "needs no label and nothing is surely better" in said


def test_training_is_recommended_where_it_is_surely_better() -> None:
    rows = [result(off(9.0), 0, **SHIPPED), result(off(2.0), 6, **DEFAULT)]
    said = recommendation(rows)
    assert "the default counter trained on your labels" in said
    assert "`adaptoscope count train MODEL --real SET`" in said
    assert said.endswith(
        "with 6 labelled images; `nuclei` as it is shipped, with none, is 9.0 cells off."
    )


def test_a_row_that_is_no_single_command_is_named() -> None:
    stylised = {"method": "regressor", "synthetic": "stylised", "name": "Stylised then real"}
    rows = [result(off(9.0), 0, **SHIPPED), result(off(2.0), 6, **stylised)]
    assert recommendation(rows).startswith("On images like these use Stylised then real, because")


@pytest.mark.parametrize("rows", [[], [result(off(2.0), 6, **DEFAULT)]])
def test_without_the_shipped_counter_nothing_is_recommended(rows: list[RowResult]) -> None:
    assert recommendation(rows) == ""


def test_two_images_rank_nothing() -> None:
    rows = [result(off(9.0), 0, **SHIPPED), result(off(2.0), 6, **DEFAULT)]
    few = [
        replace(one, images=one.images[:2], true=one.true[:2], predicted=one.predicted[:, :2])
        for one in rows
    ]
    assert "needs no label and nothing is surely better" in recommendation(few)
