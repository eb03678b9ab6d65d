import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.records import ImageRecord
from adaptoscope.pipeline.counting_stage import RowResult, pooled
from adaptoscope.pipeline.protocols import Round
from adaptoscope.pipeline.results import (
    RunResults,
    comparison_tables,
    counted_images,
    curve_points,
    plain_results,
    protocol_remarks,
)
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.training.settings import settings_from

ROWS = [
    {"name": "Dog", "method": "dog", "published": {"mae": 5.2}},
    {"name": "A", "method": "centres", "init": "random", "labelled": 5, "curve": "a"},
    {"name": "B", "method": "regressor", "init": "random", "synthetic": "drawings"},
]
TRUE = np.array([10.0, 20.0, 30.0, 40.0])


def experiment(**changes: object) -> ExperimentSettings:
    values = {"name": "a", "title": "A", "real": {"kind": "simulated"}, "rows": ROWS}
    return settings_from(
        {**values, "against": "Dog", "seeds": [0, 1], **changes}, ExperimentSettings
    )


def result(
    settings: ExperimentSettings, index: int, *errors: float, true: np.ndarray = TRUE
) -> RowResult:
    predicted = np.stack([true + error for error in errors])
    names = tuple(f"{place}.png" for place in range(len(true)))
    return RowResult(settings.rows[index], names, true, predicted, labels=5.0)


def finished(settings: ExperimentSettings, *results: RowResult) -> RunResults:
    records = tuple(
        ImageRecord(f"{place}.png", split=split)
        for place, split in enumerate(("train", "train", "train", "test"))
    )
    return RunResults(
        (Round("", Path("run"), CountedImageSet(Path("real"), records)),), results, {}
    )


def test_folds_are_pooled_image_by_image_each_seed_apart() -> None:
    settings = experiment()
    parts = [result(settings, 1, 1.0, 3.0), result(settings, 1, -5.0, 7.0, true=TRUE[:1])]
    whole = pooled(parts)
    assert whole.mae_by_seed == (pytest.approx((4 * 1 + 5) / 5), pytest.approx((4 * 3 + 7) / 5))
    assert whole.spread == pytest.approx((4 * 3 + 7) / 5 - (4 * 1 + 5) / 5)
    assert whole.off_by.tolist() == [2.0, 2.0, 2.0, 2.0, 6.0]
    assert whole.errors().n == len(whole.images) == 5


def test_rows_are_compared_image_by_image() -> None:
    settings = experiment()
    dog, other = result(settings, 0, 4.0), result(settings, 1, 1.0, 2.0)
    difference = other.against(dog)
    assert (difference.value, difference.lower, difference.upper) == (-2.5, -2.5, -2.5)
    (published, against) = comparison_tables(settings, (dog, other))
    assert published.rows[0][0] == "Dog"
    assert published.rows[0][-2:] == ("5.20", "–")
    assert against.rows == (("A", "1.50", "1.00", "−2.50", "too few images"),)


def test_what_nothing_is_said_about_has_no_table() -> None:
    settings = experiment(against=None)
    assert comparison_tables(settings, [result(settings, 1, 1.0)]) == []
    assert [point.curve for point in curve_points([result(settings, 1, 1.0)])] == ["a"]
    assert curve_points([result(settings, 0, 1.0)]) == []


def test_steps_are_stated_once_where_they_are_equal() -> None:
    settings = experiment()
    said = []
    for taken in ((300, 300), (300, 320)):
        rows = [result(settings, 1 + place, 1.0) for place in range(2)]
        rows = [replace(row, steps=steps) for row, steps in zip(rows, taken, strict=True)]
        said.append(protocol_remarks(settings, finished(settings, *rows))[-1])
    assert said == [
        "Every network took 300 optimiser steps in all.",
        "Optimiser steps of each network in all: A: 300; B: 320.",
    ]


def test_an_error_that_is_not_defined_is_none_in_json() -> None:
    settings = experiment()
    alike = result(settings, 0, 2.0, true=np.full(4, 10.0))
    plain = plain_results(settings, finished(settings, alike))
    (row,) = json.loads(json.dumps(plain, allow_nan=False))["rows"]
    assert row["r2"] is None
    assert row["mae"] == 2.0
    assert plain["protocol"]["learnt_from"] == [3]  # type: ignore[index]


def test_it_is_said_what_was_counted() -> None:
    for changes, words in (
        ({}, "the 4 test images"),
        ({"protocol": {"kind": "split", "count": "val"}}, "the 4 validation images"),
        ({"protocol": {"kind": "folds"}}, "4 images, each in the fold that did not learn from it"),
    ):
        settings = experiment(**changes)
        assert counted_images(settings, [result(settings, 0, 1.0)]) == words
