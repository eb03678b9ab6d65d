import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.distributions import (
    LEVELS,
    histogram_distance,
    intensity_histogram,
    median_difference,
)

GREYS = st.lists(st.integers(0, 255), min_size=2, max_size=40)


def histogram_of(greys: list[int]) -> np.ndarray:
    return intensity_histogram(np.array(greys, dtype=np.float32) / 255)


@given(GREYS, GREYS)
@settings(max_examples=25, deadline=None)
def test_the_distance_is_the_area_between_the_distributions(one: list[int], two: list[int]) -> None:
    first, second = histogram_of(one), histogram_of(two)
    shares = np.cumsum(first / first.sum()) - np.cumsum(second / second.sum())
    found = histogram_distance(first, second)
    assert found.wasserstein == pytest.approx(np.abs(shares[:-1]).sum() / (LEVELS - 1), abs=1e-9)
    if len(set(two)) > 1:
        spread = np.std(np.array(two) / 255)
        assert found.relative == pytest.approx(found.wasserstein / spread, rel=1e-3, abs=1e-9)


@given(GREYS, st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_a_shift_is_its_own_distance(greys: list[int], shift: int) -> None:
    moved = [grey + shift for grey in greys]
    distance = histogram_distance(histogram_of(moved), histogram_of(greys))
    beyond = np.mean(np.minimum(moved, 255)) - np.mean(greys)
    assert distance.wasserstein == pytest.approx(beyond / 255, abs=2e-5)


def test_histograms_add_up_and_their_totals_do_not_matter() -> None:
    pixels = np.random.default_rng(0).random((30, 20))
    once = intensity_histogram(pixels)
    assert once.sum() == pixels.size
    assert histogram_distance(once + once + once, once).wasserstein == pytest.approx(0, abs=1e-12)


def test_every_8_bit_grey_has_a_level_of_its_own() -> None:
    levels = np.flatnonzero(intensity_histogram(np.arange(256) / 255))
    np.testing.assert_array_equal(levels, 257 * np.arange(256))


def test_values_beyond_the_range_count_at_the_ends() -> None:
    histogram = intensity_histogram(np.array([-1.0, 2.0, 2.0]))
    assert (histogram[0], histogram[-1]) == (1, 2)


def test_a_reference_of_one_grey_has_no_relative_distance() -> None:
    distance = histogram_distance(histogram_of([1, 2]), histogram_of([5, 5]))
    assert np.isnan(distance.relative)
    assert distance.wasserstein == pytest.approx(3.5 / 255)


def test_unusable_histograms_are_refused() -> None:
    with pytest.raises(InputError, match="histogram"):
        intensity_histogram(np.array([np.nan]))
    for wrong in (np.zeros(LEVELS), np.ones(7), -np.ones(LEVELS)):
        with pytest.raises(InputError, match="histograms"):
            histogram_distance(wrong, np.ones(LEVELS))


def test_medians_are_compared_and_unknown_values_left_out() -> None:
    found = median_difference([1.0, np.nan, 3.0, 2.0], [4.0, 4.0])
    assert (found.median, found.reference) == (2.0, 4.0)
    assert (found.difference, found.relative) == (-2.0, -0.5)
    assert np.isnan(median_difference([], [4.0]).relative)
