import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import (
    as_points,
    centres_of_labels,
    check_points,
    inside_window,
    no_points,
    points_in_window,
)
from adaptoscope.images.windows import tile_windows

HEIGHT, WIDTH = 23, 31
COORDINATES = st.tuples(
    st.floats(-0.5, HEIGHT - 0.5, exclude_max=True), st.floats(-0.5, WIDTH - 0.5, exclude_max=True)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(COORDINATES, max_size=10), st.integers(4, 40))
def test_every_centre_is_in_exactly_one_tile(pairs, size):
    points = as_points(pairs)
    tiles = tile_windows(HEIGHT, WIDTH, size)
    inside = np.array([inside_window(points, *tile) for tile in tiles])
    assert (inside.sum(axis=0) == 1).all()


def test_a_window_is_half_open_about_pixel_edges():
    points = np.array([[1.5, 0.0], [3.4999, 0.0], [3.5, 0.0], [1.4999, 0.0]])
    inside = points_in_window(points, top=2, left=0, height=2, width=1)
    np.testing.assert_allclose(inside, [[-0.5, 0], [1.4999, 0]])


def test_centres_of_labels_agree_with_scipy():
    labels = np.zeros((20, 30), np.uint16)
    labels[2:5, 3:9] = 7
    labels[10:12, 20:21] = 2
    labels[15, 15] = 900
    expected = ndimage.center_of_mass(labels > 0, labels, [2, 7, 900])
    np.testing.assert_allclose(centres_of_labels(labels), expected)


def test_an_empty_mask_has_no_centres():
    assert centres_of_labels(np.zeros((5, 5), np.uint8)).shape == (0, 2)


def test_no_cells_are_allowed():
    assert check_points([], (4, 4)).shape == no_points().shape


@pytest.mark.parametrize(("row", "column"), [(-0.6, 0), (0, 8), (4.5, 0), (0, 7.5), (600, 800)])
def test_centres_outside_the_image_are_refused_with_their_place(row, column):
    with pytest.raises(InputError, match="outside the image") as caught:
        check_points([[1, 1], [row, column]], (5, 8), name="a.png")
    assert f"x = {column:g}, y = {row:g}" in str(caught.value)
    assert "a.png" in str(caught.value)


@pytest.mark.parametrize("points", [[[1, 2, 3]], [1, 2], [[np.nan, 0]], [[0, np.inf]]])
def test_centres_that_are_not_pairs_of_numbers_are_refused(points):
    with pytest.raises(InputError, match="not pairs"):
        as_points(points)
