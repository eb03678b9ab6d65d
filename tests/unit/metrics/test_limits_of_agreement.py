import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.limits_of_agreement import limits_of_agreement

PAIRS = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), min_size=2, max_size=30)


@given(PAIRS)
def test_the_limits_are_those_of_the_textbook(pairs):
    predicted, true = zip(*pairs, strict=True)
    differences = [guess - truth for guess, truth in pairs]
    spread = 1.96 * statistics.stdev(differences)

    found = limits_of_agreement(predicted, true)

    assert found.bias == pytest.approx(statistics.mean(differences))
    assert found.lower == pytest.approx(found.bias - spread)
    assert found.upper == pytest.approx(found.bias + spread)


def test_nineteen_of_twenty_normal_differences_lie_between_the_limits():
    true = np.full(4000, 100.0)
    predicted = true + np.random.default_rng(0).normal(3, 7, 4000)

    found = limits_of_agreement(predicted, true)

    between = (found.lower <= predicted - true) & (predicted - true <= found.upper)
    assert between.mean() == pytest.approx(0.95, abs=0.01)


def test_one_image_has_a_bias_but_no_limits():
    found = limits_of_agreement([12.0], [10.0])

    assert found.bias == 2
    assert math.isnan(found.lower)
    assert math.isnan(limits_of_agreement([], []).bias)


def test_counts_that_do_not_belong_together_are_refused():
    with pytest.raises(InputError):
        limits_of_agreement([1.0], [1.0, 2.0])
    with pytest.raises(InputError):
        limits_of_agreement([math.nan], [1.0])
