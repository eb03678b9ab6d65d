import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import no_points
from adaptoscope.images.windows import (
    Window,
    cut_window,
    mirrored_places,
    mirrored_points,
    random_crop,
    tile_windows,
)

SIDES = st.integers(1, 60)


@settings(deadline=None)
@given(SIDES, SIDES, SIDES)
def test_tiles_cover_every_pixel_once(height, width, size):
    covered = np.zeros((height, width), int)
    for top, left, tall, wide in tile_windows(height, width, size):
        assert 1 <= tall <= size
        assert 1 <= wide <= size
        covered[top : top + tall, left : left + wide] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("sizes", [(0, 5, 5), (5, 0, 5), (5, 5, 0)])
def test_sizes_below_one_pixel_are_refused(sizes):
    with pytest.raises(InputError, match="at least 1 pixel"):
        tile_windows(*sizes)


@settings(deadline=None)
@given(SIDES, SIDES, st.integers(1, 90), st.data())
def test_padding_agrees_with_numpy(height, width, size, data):
    pixels = np.arange(height * width, dtype=np.float32).reshape(height, width)
    tile = data.draw(st.sampled_from(tile_windows(height, width, size)))
    padded = np.pad(pixels, ((0, size), (0, size)), mode="reflect")
    expected = padded[tile.top : tile.top + size, tile.left : tile.left + size]
    np.testing.assert_array_equal(cut_window(pixels, tile, size), expected)


def test_a_window_without_size_is_cut_as_it_is():
    pixels = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(cut_window(pixels, Window(1, 2, 2, 2)), [[6, 7], [10, 11]])


def marked(points, shape):
    marks = np.zeros(shape, np.float32)
    rows, columns = np.floor(points + 0.5).astype(int).T
    marks[rows, columns] = 1
    return marks


@settings(deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 40), st.data())
def test_cells_are_mirrored_as_their_pixels_are(height, width, size, data):
    pixel = data.draw(st.tuples(st.integers(0, height - 1), st.integers(0, width - 1)))
    offset = data.draw(st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)))
    point = np.add(pixel, offset)[None]
    marks = marked(point, (height, width))
    crop = random_crop(marks, point, size, np.random.default_rng(0))
    np.testing.assert_array_equal(crop.pixels, marked(crop.points, (size, size)))
    assert len(crop.points) == crop.pixels.sum()


def test_an_image_as_large_as_the_crop_keeps_its_cells():
    points = np.array([[0.0, 0.0], [9.4, 9.4]])
    np.testing.assert_array_equal(mirrored_points(points, (10, 10), 10), points)


def test_random_crops_repeat_with_the_seed_and_reach_every_corner():
    pixels = np.arange(25, dtype=np.float32).reshape(5, 5)
    crops = [random_crop(pixels, None, 4, np.random.default_rng(seed)) for seed in range(40)]
    again = random_crop(pixels, None, 4, np.random.default_rng(7))
    np.testing.assert_array_equal(crops[7].pixels, again.pixels)
    assert {crop.window[:2] for crop in crops} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert crops[0].points.shape == no_points().shape


@given(st.integers(1, 9), st.integers(0, 25), st.booleans())
def test_places_beyond_an_image_are_those_of_numpy(length, beyond, twice):
    places = np.arange(-beyond, length + beyond)
    mode = "symmetric" if twice else "reflect"
    assert np.array_equal(
        mirrored_places(places, length, twice=twice), np.pad(np.arange(length), beyond, mode=mode)
    )
