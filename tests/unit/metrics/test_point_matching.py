import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.point_matching import match_points, pooled_f1

POINTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=5)


def best_by_hand(found, true, radius):
    """Try every assignment: most pairs, then least distance."""
    best = (0, 0.0)
    short, long = (found, true) if len(found) <= len(true) else (true, found)
    for chosen in itertools.permutations(range(len(long)), len(short)):
        distances = [math.dist(short[i], long[j]) for i, j in enumerate(chosen)]
        near = [distance for distance in distances if distance <= radius]
        best = min(best, (-len(near), sum(near)))
    return -best[0], best[1]


@settings(deadline=None, max_examples=60)
@given(POINTS, POINTS, st.floats(0.5, 8))
@pytest.mark.filterwarnings("ignore:no point")
def test_matching_is_the_best_of_all_assignments(found, true, radius):
    match = match_points(found, true, radius)
    number, distance = best_by_hand(found, true, radius)

    assert len(match.pairs) == number
    if number:
        assert match.mean_distance * number == pytest.approx(distance)
    assert match.invented == len(found) - number
    assert match.lost == len(true) - number
    assert match.merged <= match.lost


def test_more_pairs_are_preferred_to_shorter_ones():
    match = match_points([(0, 0), (0, 3)], [(0, 2.9), (0, 5.8)], radius=3)

    assert match.pairs.tolist() == [[0, 0], [1, 1]]


def test_two_cells_seen_as_one_are_a_merge():
    match = match_points([(5, 5)], [(5, 3), (5, 7), (40, 40)], radius=4)

    assert (match.lost, match.merged, match.invented) == (2, 1, 0)
    assert match.precision == 1
    assert match.recall == pytest.approx(1 / 3)
    assert match.f1 == pytest.approx(1 / 2)


def test_a_pair_at_exactly_the_radius_is_matched():
    assert len(match_points([(0, 0)], [(3, 4)], radius=5).pairs) == 1


def test_nothing_on_either_side_gives_nan_and_a_warning():
    with pytest.warns(RuntimeWarning, match="no point"):
        match = match_points([], [], radius=5)

    assert math.isnan(match.f1)
    assert math.isnan(match.mean_distance)


def test_nothing_found_is_recall_zero_and_undefined_precision():
    match = match_points([], [(1, 1)], radius=5)

    assert match.recall == 0
    assert match.f1 == 0
    assert math.isnan(match.precision)


@pytest.mark.parametrize(
    ("found", "radius"),
    [([(0, 0, 0)], 1), ([(math.nan, 0)], 1), ([(0, 0)], -1), ([(0, 0)], math.nan)],
)
def test_unusable_points_are_refused(found, radius):
    with pytest.raises(InputError):
        match_points(found, [(0, 0)], radius)


def test_hundreds_of_points_are_matched_quickly():
    generator = np.random.default_rng(0)
    true = generator.uniform(0, 800, (600, 2))
    found = true[::-1] + generator.normal(0, 1, true.shape)
    begun = time.perf_counter()

    match = match_points(found, true, 7.5)

    assert time.perf_counter() - begun < 1.0
    assert match.f1 > 0.98


def test_pooled_f1_weighs_points_not_images():
    many = match_points([(i, 0) for i in range(0, 90, 10)], [(i, 0) for i in range(0, 90, 10)], 1)
    wrong = match_points([(0, 0)], [(50, 50)], 1)

    assert pooled_f1([many, wrong]) == pytest.approx(18 / 20)


def test_a_cell_found_twice_is_divided() -> None:
    match = match_points([[10, 10], [12, 10], [50, 50]], [[10.5, 10]], 3.0)
    assert (match.invented, match.divided, match.lost, match.merged) == (2, 1, 0, 0)
