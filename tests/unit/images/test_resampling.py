import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from adaptoscope.images.resampling import Resampling, scaled

# One column makes PyTorch 2 go wrong.
SIDES = st.integers(2, 40)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width), dtype=np.float32)


@given(SIDES, SIDES, st.integers(2, 60), st.integers(2, 60))
def test_the_whole_agrees_with_the_interpolation_of_torch(height, width, new_height, new_width):
    pixels = picture(height, width)

    ours = Resampling(pixels.shape, (new_height, new_width)).part(
        pixels, 0, 0, new_height, new_width
    )

    expected = functional.interpolate(
        torch.from_numpy(pixels)[None, None],
        size=(new_height, new_width),
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )
    np.testing.assert_allclose(ours, expected[0, 0].numpy(), atol=1e-4)


@given(st.data())
def test_parts_fit_together_without_seams(data):
    pixels = picture(33, 47, seed=3)
    change = scaled(pixels.shape, data.draw(st.floats(0.2, 3.0)))
    height, width = change.new_shape
    row, column = (data.draw(st.integers(0, side)) for side in (height, width))

    whole = change.part(pixels, 0, 0, height, width)

    for top, bottom in ((0, row), (row, height)):
        for left, right in ((0, column), (column, width)):
            if bottom > top and right > left:
                part = change.part(pixels, top, left, bottom - top, right - left)
                np.testing.assert_array_equal(part, whole[top:bottom, left:right])


def test_the_same_size_is_the_same_image():
    pixels = picture(8, 9)

    np.testing.assert_array_equal(scaled((8, 9), 1.0).part(pixels, 0, 0, 8, 9), pixels)


@given(st.floats(0, 30), st.floats(0, 40), st.floats(0.3, 3))
def test_points_go_there_and_back(row, column, factor):
    change = scaled((31, 41), factor)

    back = change.points_before(change.points_after(np.array([[row, column]])))

    np.testing.assert_allclose(back, [[row, column]], atol=1e-9)


def test_a_point_stays_on_its_pixel():
    pixels = np.zeros((20, 20), np.float32)
    pixels[7, 12] = 1.0
    change = scaled((20, 20), 3.0)

    enlarged = change.part(pixels, 0, 0, 60, 60)

    peak = np.array(np.unravel_index(enlarged.argmax(), enlarged.shape), dtype=float)
    assert change.points_before(peak[None])[0] == pytest.approx([7, 12], abs=0.5)
