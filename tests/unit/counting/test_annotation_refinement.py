import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.counting.annotation_refinement import common_shift, refine_annotations
from adaptoscope.imageio.intensity import IntensityRange


def test_clicks_beside_their_cells_are_moved_onto_them(draw_field):
    pixels, points = draw_field(30, 3)
    clicks = points + np.random.default_rng(0).uniform(-3, 3, points.shape)

    moved = refine_annotations(clicks, pixels, IntensityRange(0.1, 0.6), 10.0)

    assert np.abs(moved - points).max() < 1
    assert np.abs(clicks - points).max() > 2


def test_a_click_beside_no_blob_stays(draw_field):
    pixels, _ = draw_field(0, 3)
    clicks = np.array([[40.0, 40.0]])

    assert np.array_equal(
        refine_annotations(clicks, pixels, IntensityRange(0.1, 0.6), 10.0), clicks
    )


def test_two_clicks_on_one_blob_do_not_become_one(draw_field):
    pixels, points = draw_field(1, 3)
    clicks = np.concatenate([points, points + 2])

    moved = refine_annotations(clicks, pixels, IntensityRange(0.1, 0.6), 10.0)

    assert np.hypot(*(moved[0] - moved[1])) > 1


@pytest.mark.parametrize("shift", [(4, -3), (-5, 0), (0, 5)])
def test_clicks_that_all_lie_beside_their_cells_in_one_direction_are_put_right(draw_field, shift):
    pixels, points = draw_field(30, 3)
    inner = points[((points > 10) & (points < 118)).all(axis=1)]

    moved = refine_annotations(inner + shift, pixels, IntensityRange(0.1, 0.6), 10.0)

    assert np.abs(moved - inner).max() < 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_clicks_without_a_common_direction_are_not_moved_together(seed):
    generator = np.random.default_rng(seed)
    points = generator.uniform(20, 108, (60, 2))
    response = np.zeros((128, 128))
    rows, columns = np.round(points).astype(int).T
    response[rows, columns] = 1.0

    assert common_shift(points, response, 5.0).tolist() == [0.0, 0.0]
