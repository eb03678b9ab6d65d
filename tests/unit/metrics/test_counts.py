import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.regression import r2_score

from adaptoscope.errors import InputError
from adaptoscope.metrics.counts import count_errors, share_within

PAIRS = st.lists(st.tuples(st.floats(-10, 1000), st.integers(0, 1000)), min_size=1, max_size=30)


def test_errors_equal_those_computed_by_hand():
    errors = count_errors([10.5, 20, 0], [10, 24, 0])

    assert errors.n == 3
    assert errors.mae == pytest.approx(4.5 / 3)
    assert errors.rmse == pytest.approx(math.sqrt((0.25 + 16) / 3))
    assert errors.bias == pytest.approx(-3.5 / 3)
    assert errors.within_5 == pytest.approx(2 / 3)
    assert errors.within_10 == pytest.approx(2 / 3)


def test_relative_error_leaves_out_images_without_cells_and_r2_is_that_of_torchmetrics():
    predicted, true = [12.0, 18.0, 3.0], [10.0, 20.0, 0.0]

    errors = count_errors(predicted, true)

    assert errors.mape == pytest.approx((0.2 + 0.1) / 2)
    assert errors.r2 == pytest.approx(float(r2_score(torch.tensor(predicted), torch.tensor(true))))


def test_shares_that_divide_by_nothing_are_nan():
    errors = count_errors([1, 2], [0, 0])

    assert math.isnan(errors.mape)
    assert math.isnan(errors.r2)


def test_a_difference_of_exactly_five_percent_is_within_five_percent():
    assert share_within([95, 105, 94.9], [100, 100, 100], 0.05) == pytest.approx(2 / 3)


def test_an_empty_image_counts_as_right_only_without_a_single_cell():
    assert share_within([0, 1e-12, 1], [0, 0, 0], 0.10) == pytest.approx(1 / 3)


def test_no_image_gives_nan_and_a_warning():
    with pytest.warns(RuntimeWarning, match="no image"):
        errors = count_errors([], [])

    assert errors.n == 0
    assert all(math.isnan(value) for name, value in errors.as_dict().items() if name != "n")


@pytest.mark.parametrize(
    ("predicted", "true"),
    [([1, 2], [1]), ([[1]], [[1]]), ([float("nan")], [1]), ([1], [-1])],
)
def test_counts_that_cannot_be_compared_are_refused(predicted, true):
    with pytest.raises(InputError, match="expected"):
        count_errors(predicted, true)


@given(PAIRS)
def test_errors_keep_their_order(pairs):
    predicted, true = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    errors = count_errors(predicted, true)

    assert abs(errors.bias) <= errors.mae + 1e-9
    assert errors.mae <= errors.rmse + 1e-9
    assert 0 <= errors.within_5 <= errors.within_10 <= 1


@given(PAIRS)
def test_errors_do_not_depend_on_the_order_of_images(pairs):
    predicted, true = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))

    assert count_errors(predicted[::-1], true[::-1]).mae == pytest.approx(
        count_errors(predicted, true).mae
    )
