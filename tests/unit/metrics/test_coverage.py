import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.coverage import coverage


def test_shares_and_widths_are_those_worked_out_by_hand():
    found = coverage([8, 0, 90], [12, 4, 95], [10, 0, 92], [12, 5, 93])

    assert found.n == 3
    assert found.share == pytest.approx(2 / 3)
    assert found.median_relative_width == pytest.approx((4 / 10 + 5 / 92) / 2)


def test_the_binomial_interval_is_the_exact_one():
    found = coverage(np.zeros(10), np.ones(10), np.ones(10), [1] * 9 + [2])

    # Bounds of 9 out of 10 in the tables of Clopper and Pearson.
    assert found.interval.lower == pytest.approx(0.5550, abs=1e-4)
    assert found.interval.upper == pytest.approx(0.9975, abs=1e-4)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20), st.floats(0, 120)), min_size=1))
def test_the_share_lies_within_its_interval(rows):
    counts, reach, true = (np.array(column) for column in zip(*rows, strict=True))

    found = coverage(counts - reach, counts + reach, counts, true)

    assert 0 <= found.interval.lower <= found.share <= found.interval.upper <= 1


def test_no_interval_has_no_coverage():
    with pytest.raises(InputError, match="coverage"):
        coverage([], [], [], [])
