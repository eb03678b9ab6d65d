import math

import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import bootstrap_interval, mean_over_images


def test_interval_of_a_mean_agrees_with_the_normal_approximation():
    values = np.random.default_rng(0).normal(50, 10, 400)

    interval = bootstrap_interval(values, seed=1, resamples=4000)

    error = 1.96 * values.std() / math.sqrt(len(values))
    assert interval.value == pytest.approx(values.mean())
    assert interval.lower == pytest.approx(values.mean() - error, abs=0.15)
    assert interval.upper == pytest.approx(values.mean() + error, abs=0.15)


def test_equal_seeds_give_equal_intervals():
    values = np.arange(20.0)

    first = bootstrap_interval(values, seed=3, resamples=200)

    assert first == bootstrap_interval(values, seed=3, resamples=200)
    assert first != bootstrap_interval(values, seed=4, resamples=200)


def test_every_class_keeps_its_size():
    values = np.repeat([0.0, 10.0, 100.0], 5)

    interval = bootstrap_interval(values, seed=0, resamples=50, strata=values)

    assert interval.lower == interval.upper == pytest.approx(values.mean())


def test_a_statistic_may_look_at_rows():
    rows = np.column_stack([np.arange(30.0), 2 * np.arange(30.0)])

    interval = bootstrap_interval(
        rows, lambda drawn: np.polyfit(drawn[:, 0], drawn[:, 1], 1)[0], seed=0, resamples=50
    )

    assert interval.lower == pytest.approx(2)


def test_no_value_gives_nan_and_a_warning():
    with pytest.warns(RuntimeWarning, match="no value"):
        interval = bootstrap_interval([], seed=0)

    assert math.isnan(interval.value)
    assert math.isnan(interval.lower)


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"resamples": 0}, {"strata": [1, 2]}])
def test_undefined_intervals_are_refused(wrong):
    with pytest.raises(InputError):
        bootstrap_interval([1.0, 2.0, 3.0], seed=0, **wrong)


def test_one_image_has_a_mean_and_no_interval():
    found = mean_over_images([0.7, math.nan])
    assert found.value == 0.7
    assert math.isnan(found.lower)
    assert math.isnan(found.upper)


def test_images_without_a_value_are_left_out_of_the_mean():
    assert mean_over_images([1.0, math.nan, 3.0]) == bootstrap_interval([1.0, 3.0], seed=0)
