import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.point_matching import match_points, pooled_f1, pooled_shares

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


def most_pairs_by_hand(found, true, radii):
    """Try every way of giving found points to true ones, each with its own radius."""
    if not true:
        return 0
    rest = most_pairs_by_hand(found, true[1:], radii[1:])
    near = [i for i, point in enumerate(found) if math.dist(point, true[0]) <= radii[0]]
    return max(
        [rest]
        + [1 + most_pairs_by_hand(found[:i] + found[i + 1 :], true[1:], radii[1:]) for i in near]
    )


@settings(deadline=None, max_examples=60)
@given(POINTS, st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.floats(0, 8)),
                        max_size=5))  # fmt: skip
@pytest.mark.filterwarnings("ignore:no point")
def test_each_true_point_may_have_a_radius_of_its_own(found, true_with_radii):
    true = [point[:2] for point in true_with_radii]
    radii = [point[2] for point in true_with_radii]

    match = match_points(found, true, radii)

    assert len(match.pairs) == most_pairs_by_hand(found, true, radii)
    assert all(math.dist(found[i], true[j]) <= radii[j] for i, j in match.pairs)
    assert match.splits <= match.false_positives


@settings(deadline=None, max_examples=60)
@given(POINTS, POINTS, st.floats(0.5, 8))
@pytest.mark.filterwarnings("ignore:no point")
def test_equal_radii_are_one_radius(found, true, radius):
    one, each = match_points(found, true, radius), match_points(found, true, [radius] * len(true))

    assert one.pairs.tolist() == each.pairs.tolist()
    assert (one.merges, one.splits) == (each.merges, each.splits)


def test_a_large_cell_reaches_farther_than_a_small_one():
    found, true = [(10, 14), (40, 44)], [(10, 10), (40, 40)]

    assert match_points(found, true, [5, 3]).pairs.tolist() == [[0, 0]]


def test_there_is_one_radius_or_one_for_each_true_point():
    with pytest.raises(InputError, match="radii"):
        match_points([(0, 0)], [(0, 0), (1, 1)], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="radius"):
        match_points([(0, 0)], [(0, 0), (1, 1)], [1.0, -2.0])


@settings(deadline=None, max_examples=60)
@given(POINTS, POINTS, st.floats(0.5, 8))
@pytest.mark.filterwarnings("ignore:no point")
def test_matching_is_the_best_of_all_assignments(found, true, radius):
    match = match_points(found, true, radius)
    number, distance = best_by_hand(found, true, radius)

    assert len(match.pairs) == number
    if number:
        assert match.mean_distance * number == pytest.approx(distance)
    assert match.false_positives == len(found) - number
    assert match.false_negatives == len(true) - number
    assert match.merges <= match.false_negatives


def test_more_pairs_are_preferred_to_shorter_ones():
    match = match_points([(0, 0), (0, 3)], [(0, 2.9), (0, 5.8)], radius=3)

    assert match.pairs.tolist() == [[0, 0], [1, 1]]


def test_two_cells_seen_as_one_are_a_merge():
    match = match_points([(5, 5)], [(5, 3), (5, 7), (40, 40)], radius=4)

    assert (match.false_negatives, match.merges, match.false_positives) == (2, 1, 0)
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


def test_pooled_precision_and_recall_are_those_of_all_points_together():
    invented = match_points([(0, 0), (20, 0), (40, 0)], [(0, 0)], 1)
    lost = match_points([(0, 0)], [(0, 0), (50, 50)], 1)

    shares = pooled_shares([invented, lost])

    assert (shares.precision, shares.recall) == (pytest.approx(2 / 4), pytest.approx(2 / 3))
    assert shares.f1 == pytest.approx(4 / 7)
    assert math.isnan(pooled_shares([]).precision)


def test_a_cell_found_twice_is_divided() -> None:
    match = match_points([[10, 10], [12, 10], [50, 50]], [[10.5, 10]], 3.0)
    assert (match.false_positives, match.splits, match.false_negatives, match.merges) == (
        2,
        1,
        0,
        0,
    )
