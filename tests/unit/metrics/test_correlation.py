import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from adaptoscope.errors import InputError
from adaptoscope.metrics.correlation import (
    PixelMoments,
    fisher_mean,
    pearson,
    pearson_after,
)

# Whole counts of a camera: differences between them are never rounding.
COUNTS = arrays(np.uint16, st.tuples(st.integers(1, 6), st.integers(2, 6)))
PAIRS = COUNTS.flatmap(lambda one: st.tuples(st.just(one), arrays(np.uint16, one.shape)))
SETS = st.lists(PAIRS, min_size=1, max_size=5)


def pair(seed=0, shape=(9, 13), noise=0.5):
    """Return a truth and a prediction that follows it with noise."""
    generator = np.random.default_rng(seed)
    truth = generator.gamma(2, 100, shape)
    return truth + noise * 140 * generator.standard_normal(shape), truth


def pooled_pearson(images):
    return sum((PixelMoments.of(*each) for each in images), PixelMoments()).pearson


def varying(*images):
    return all(np.ptp(image.astype(float)) > 0 for image in images)


@pytest.mark.parametrize("seed", range(5))
def test_pearson_agrees_with_scipy(seed):
    predicted, true = pair(seed, noise=seed / 2)
    predicted = np.round(predicted, -1)
    assert pearson(predicted, true) == pytest.approx(
        stats.pearsonr(predicted.ravel(), true.ravel()).statistic, abs=1e-12
    )


@settings(deadline=None)
@given(PAIRS, st.floats(0.01, 100), st.floats(-1e4, 1e4))
def test_gain_and_offset_of_either_image_make_no_difference(images, gain, offset):
    predicted, true = images
    assume(varying(predicted, true))
    plain = pearson(predicted, true)
    assert pearson(gain * predicted + offset, true) == pytest.approx(plain, abs=1e-6)
    assert pearson(predicted, gain * true + offset) == pytest.approx(plain, abs=1e-6)
    assert pearson(-gain * predicted + offset, true) == pytest.approx(-plain, abs=1e-6)
    assert -1 <= plain <= 1


@settings(deadline=None)
@given(PAIRS)
def test_the_order_of_the_two_and_of_the_pixels_makes_no_difference(images):
    predicted, true = images
    assume(varying(predicted, true))
    assert pearson(predicted, true) == pytest.approx(pearson(true, predicted), abs=1e-12)
    turned = pearson(predicted.T[::-1], true.T[::-1])
    assert pearson(predicted, true) == pytest.approx(turned, abs=1e-9)


@settings(deadline=None)
@given(SETS)
def test_pooled_is_the_correlation_of_all_pixels_in_one_row(images):
    predicted, true = (np.concatenate([each[i].ravel() for each in images]) for i in (0, 1))
    together = pooled_pearson(images)
    assert together == pytest.approx(pearson(predicted, true), abs=1e-9, nan_ok=True)


@settings(deadline=None)
@given(SETS)
def test_moments_add_up_in_any_order(images):
    forward, backward = PixelMoments(), PixelMoments()
    for one, other in zip(images, reversed(images), strict=True):
        forward += PixelMoments.of(*one)
        backward += PixelMoments.of(*other)
    assert forward.n == backward.n == sum(image.size for image, _ in images)
    assert forward.pearson == pytest.approx(backward.pearson, abs=1e-9, nan_ok=True)
    assert PixelMoments() + forward == forward + PixelMoments() == forward


def test_pooling_sees_the_brightness_of_images_where_the_mean_does_not():
    predicted, true = pair(noise=0)
    images = [(predicted, true), (predicted + 5000, true), (predicted, true + 5000)]
    assert [pearson(*image) for image in images] == pytest.approx([1, 1, 1])
    assert pooled_pearson(images) < 0.1


def test_a_bright_offset_costs_no_digits():
    predicted, true = pair()
    exact = stats.pearsonr(predicted.ravel(), true.ravel()).statistic
    assert pearson(predicted + 1e9, true + 1e9) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("level", [0.0, 0.1, 675.3, 1e9])
def test_a_constant_truth_has_no_correlation_and_a_constant_prediction_none_of_use(level):
    flat, true = np.full((9, 13), level), pair()[1]
    assert math.isnan(pearson(true, flat))
    assert math.isnan(pearson(flat, flat))
    assert pearson(flat, true) == 0
    assert pearson(flat.astype(np.float32), true) == 0


def test_constant_images_take_part_in_pooling():
    flat = [(np.full((3, 3), level), np.full((3, 3), 2 * level)) for level in (1.0, 2.0, 3.0)]
    assert pooled_pearson(flat) == pytest.approx(1)
    assert math.isnan(pooled_pearson(flat[:1] * 3))
    assert math.isnan(pooled_pearson([]))


def test_after_a_baseline_only_what_is_added_counts():
    generator = np.random.default_rng(3)
    grid, learnt, noise = generator.normal(0, 1, (3, 40, 40)) * np.array([10, 1, 1])[:, None, None]
    true, predicted = grid + learnt, grid + learnt + noise

    assert pearson(grid, true) > 0.99
    assert pearson_after(grid, true, grid) == 0
    expected = stats.pearsonr((learnt + noise).ravel(), learnt.ravel()).statistic
    assert pearson_after(predicted, true, grid) == pytest.approx(expected, abs=1e-9)
    assert pearson_after(predicted, true, 0 * grid) == pytest.approx(pearson(predicted, true))
    assert math.isnan(pearson_after(predicted, grid + 0.1, grid))


def test_means_leave_out_images_without_a_correlation():
    correlations = [0.2, math.nan, 0.9]
    assert fisher_mean(correlations) == pytest.approx(
        math.tanh((math.atanh(0.2) + math.atanh(0.9)) / 2)
    )


@settings(deadline=None)
@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(-1, 1)))
def test_the_fisher_mean_lies_among_the_correlations(correlations):
    found = fisher_mean(correlations)
    assert correlations.min() - 1e-5 <= found <= correlations.max() + 1e-5
    assert fisher_mean(-correlations) == pytest.approx(-found, abs=1e-12)


def test_one_perfect_image_does_not_make_the_fisher_mean_perfect():
    assert fisher_mean([1.0, 0.5, 0.5, 0.5]) < 0.99
    assert fisher_mean([1.0, -1.0]) == pytest.approx(0)


@pytest.mark.parametrize("nothing", [[], [math.nan, math.nan]])
def test_the_mean_of_nothing_is_nan_with_a_warning(nothing):
    with pytest.warns(RuntimeWarning, match="no image"):
        assert math.isnan(fisher_mean(nothing))


def test_images_that_do_not_belong_together_are_refused():
    predicted, true = pair()
    with pytest.raises(InputError, match="same shape"):
        pearson(predicted.T, true)
    predicted[2, 3] = math.nan
    with pytest.raises(InputError, match="not numbers") as caught:
        pearson(predicted, true)
    assert "the prediction" in caught.value.found
    with pytest.raises(InputError, match="same shape"):
        pearson_after(true, true, true[1:])
