import numpy as np
import pytest

from adaptoscope.pipeline.counting_stage import RowResult, pooled
from adaptoscope.pipeline.fold_intervals import (
    coverage_across_folds,
    coverage_table,
    coverages_of,
    plain_coverage,
)
from adaptoscope.pipeline.rows import Row
from adaptoscope.reporting.tables import NO_VALUE

ROW = Row(name="Dog", method="dog")


def counts(seed, number=400):
    generator = np.random.default_rng(seed)
    predicted = generator.uniform(20, 300, number)
    return predicted, generator.poisson(predicted).astype(float)


def test_intervals_of_alike_folds_hold_nine_in_ten():
    predicted, true = counts(0)

    found = coverage_across_folds(predicted, true, np.arange(400) % 5)

    assert found.share == pytest.approx(0.9, abs=0.04)
    assert found.interval.lower < 0.9 < found.interval.upper


def test_a_folds_own_errors_do_not_widen_its_intervals():
    predicted, true = counts(1)
    fold = np.arange(400) % 5
    true = np.where(fold == 0, true + 200, true)

    found = coverage_across_folds(predicted[:200], true[:200], fold[:200])
    usual = coverage_across_folds(predicted[fold > 0], true[fold > 0], fold[fold > 0])

    assert usual.share > 0.85
    assert found.share < 0.95


def test_a_row_without_folds_has_no_coverage():
    result = RowResult(ROW, ("a",), np.array([1.0]), np.array([[1.0]]))

    assert coverages_of(result) == ()
    assert plain_coverage(result) is None
    assert coverage_table([result]) is None


def test_pooled_folds_are_told_with_every_seed():
    predicted, true = counts(2, 40)
    parts = [
        RowResult(ROW, tuple(map(str, range(20))), true[half], np.stack([predicted[half]] * 2))
        for half in (slice(0, 20), slice(20, 40))
    ]

    plain = plain_coverage(pooled(parts))
    table = coverage_table([pooled(parts)])

    assert len(plain["share_by_seed"]) == 2
    assert plain["interval"][0] <= plain["share_by_seed"][0] <= plain["interval"][1]
    assert table.rows[0][0] == "Dog"


def test_counts_below_one_have_no_relative_width():
    part = RowResult(ROW, tuple(map(str, range(10))), np.zeros(10), np.zeros((1, 10)))

    plain = plain_coverage(pooled([part, part]))

    assert plain["median_relative_width"] is None
    assert plain["share_by_seed"] == [1.0]
    assert coverage_table([pooled([part, part])]).rows[0][3] == NO_VALUE
