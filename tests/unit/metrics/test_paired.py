import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import bootstrap_interval
from adaptoscope.metrics.paired import compare_errors, paired_bootstrap

COUNTS = st.floats(0, 600, width=32)
# Two methods and the truth, with a class of each image.
TABLES = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (3, n), elements=COUNTS),
        st.lists(st.sampled_from(["low", "medium", "high"]), min_size=n, max_size=n),
    )
)
FEW = 300


def images(n, seed=0):
    """Return errors of two methods that share the images' difficulty; the first is worse by 1."""
    generator = np.random.default_rng(seed)
    difficulty = generator.gamma(1, 30, n)
    return difficulty + 1 + generator.normal(0, 0.5, n), difficulty


@settings(deadline=None, max_examples=50)
@given(TABLES)
def test_exchanging_the_methods_turns_the_interval_round(table):
    (first, second, true), classes = table

    one = compare_errors(first, second, true, seed=0, strata=classes, resamples=FEW)
    other = compare_errors(second, first, true, seed=0, strata=classes, resamples=FEW)

    assert one.difference.value == -other.difference.value
    assert one.difference.lower == pytest.approx(-other.difference.upper, abs=1e-9)
    assert one.excludes_zero == other.excludes_zero


@settings(deadline=None, max_examples=50)
@given(TABLES)
def test_a_method_does_not_differ_from_itself(table):
    (first, _, true), classes = table

    found = compare_errors(first, first, true, seed=1, strata=classes, resamples=FEW)

    assert (found.difference.lower, found.difference.value, found.difference.upper) == (0, 0, 0)
    assert not found.excludes_zero


@settings(deadline=None, max_examples=50)
@given(TABLES)
def test_the_interval_lies_between_the_means_of_the_extremes_of_each_class(table):
    (first, second, true), classes = table
    difference = np.abs(first - true) - np.abs(second - true)
    least = [difference[np.array(classes) == name].min() for name in classes]
    most = [difference[np.array(classes) == name].max() for name in classes]

    found = compare_errors(first, second, true, seed=2, strata=classes, resamples=FEW).difference

    assert np.mean(least) - 1e-9 <= found.lower <= found.upper <= np.mean(most) + 1e-9
    assert found.value == pytest.approx(difference.mean())


@settings(deadline=None, max_examples=50)
@given(TABLES, st.floats(-50, 50))
def test_a_constant_penalty_of_the_first_moves_the_interval_by_that_much(table, penalty):
    (first, second, _), classes = table

    before = paired_bootstrap(first, second, seed=3, strata=classes, resamples=FEW)
    after = paired_bootstrap(first + penalty, second, seed=3, strata=classes, resamples=FEW)

    assert after.lower == pytest.approx(before.lower + penalty, abs=1e-6)
    assert after.upper == pytest.approx(before.upper + penalty, abs=1e-6)


def test_classes_are_resampled_each_for_itself():
    first, second = images(40)
    classes = np.repeat(["low", "high"], 20)
    generator = np.random.default_rng(0)
    difference = first - second
    drawn = [
        np.concatenate([part[generator.integers(0, 20, 20)] for part in np.split(difference, 2)])
        for _ in range(10_000)
    ]

    found = paired_bootstrap(first, second, seed=0, strata=classes)

    bounds = np.quantile(np.mean(drawn, axis=1), [0.025, 0.975])
    assert found.value == pytest.approx(difference.mean())
    assert [found.lower, found.upper] == pytest.approx(list(bounds), abs=0.01)


def test_it_agrees_with_resamples_written_out():
    first, second = images(15)
    drawn = np.random.default_rng(7).integers(0, 15, (200, 15))
    means = [float(np.mean([(first - second)[i] for i in row])) for row in drawn]

    found = paired_bootstrap(first, second, seed=7, resamples=200)

    assert [found.lower, found.upper] == pytest.approx(list(np.quantile(means, [0.025, 0.975])))


def test_differences_cancel_what_the_images_share():
    first, second = images(40)

    found = paired_bootstrap(first, second, seed=0)

    assert found.lower > 0
    assert found.upper < 2
    assert bootstrap_interval(first, seed=0, resamples=500).lower < second.mean()


def test_every_class_keeps_its_number_of_images():
    difference = np.repeat([0.0, 10.0, 100.0], [5, 3, 2])

    found = paired_bootstrap(difference, np.zeros(10), seed=0, strata=difference, resamples=50)

    assert found.lower == found.upper == pytest.approx(difference.mean())


def test_a_number_of_resamples_that_is_no_multiple_of_a_batch_is_drawn_in_full():
    first, second = images(10)

    assert paired_bootstrap(first, second, seed=0, resamples=1500) != paired_bootstrap(
        first, second, seed=0, resamples=1000
    )


def test_ten_thousand_resamples_of_many_images_take_no_time_to_speak_of():
    first, second = images(500)
    begun = time.perf_counter()

    paired_bootstrap(first, second, seed=0)

    assert time.perf_counter() - begun < 2.0


def test_no_image_gives_nan_and_a_warning():
    with pytest.warns(RuntimeWarning, match="no value"):
        found = compare_errors([], [], [], seed=0)

    assert math.isnan(found.difference.lower)
    assert not found.excludes_zero


@pytest.mark.parametrize(
    "wrong", [{"level": 0.0}, {"level": 1.0}, {"resamples": 0}, {"strata": [1, 2]}]
)
def test_undefined_intervals_are_refused(wrong):
    with pytest.raises(InputError):
        paired_bootstrap([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], seed=0, **wrong)


def test_lists_of_different_images_and_missing_counts_are_refused():
    with pytest.raises(InputError, match="same images"):
        paired_bootstrap([1, 2], [1, 2, 3], seed=0)
    with pytest.raises(InputError, match="same images"):
        compare_errors([1, 2], [1, 2], [1, 2, 3], seed=0)
    with pytest.raises(InputError, match="finite"):
        paired_bootstrap([1.0, math.nan], [1.0, 2.0], seed=0)


@pytest.mark.parametrize("images", [1, 4, 5])
def test_a_few_images_do_not_tell_two_methods_apart(images):
    true = np.arange(images, dtype=float)
    found = compare_errors(true + 3.0, true, true, seed=0)
    assert found.excludes_zero
    assert found.tells_apart is (images >= 5)
