import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaptoscope.errors import InputError
from adaptoscope.metrics.game import grid_average_error

SHAPE = (60, 80)
PLACES = st.integers(0, 30).flatmap(
    lambda n: arrays(np.float64, (n, 2), elements=st.floats(-0.5, 59.49))
)


def test_a_cell_counted_in_the_wrong_quarter_is_an_error_of_two():
    found, true = [[10.0, 10.0]], [[50.0, 70.0]]

    assert grid_average_error(found, true, SHAPE, 0) == 0.0
    assert grid_average_error(found, true, SHAPE, 1) == 2.0


def test_the_border_between_rectangles_belongs_to_the_second():
    just_before, just_after = [[29.49, 5.0]], [[29.5, 5.0]]

    assert grid_average_error(just_before, just_after, SHAPE, 1) == 2.0
    assert grid_average_error(just_after, [[30.0, 5.0]], SHAPE, 1) == 0.0


def test_a_density_counts_by_its_weights():
    found = [[10.0, 10.0], [12.0, 10.0]]

    assert grid_average_error(found, [[11.0, 10.0]], SHAPE, 1, weights=[0.5, 0.25]) == 0.25


@given(PLACES, PLACES)
def test_no_level_is_below_the_one_before_and_the_first_is_the_count_error(found, true):
    errors = [grid_average_error(found, true, SHAPE, level) for level in range(4)]

    assert errors[0] == abs(len(found) - len(true))
    assert errors == sorted(errors)


@given(PLACES)
def test_places_agree_with_a_histogram_of_numpy(found):
    edges = [np.linspace(0, side, 5) - 0.5 for side in SHAPE]
    expected = np.histogram2d(found[:, 0], found[:, 1], bins=edges)[0].sum()

    assert grid_average_error(found, [], SHAPE, 2) == expected


def test_negative_levels_and_lists_of_unequal_length_are_refused():
    with pytest.raises(InputError, match="grid"):
        grid_average_error([], [], SHAPE, -1)
    with pytest.raises(InputError, match="places"):
        grid_average_error([[1.0, 1.0]], [], SHAPE, 1, weights=[1.0, 2.0])
