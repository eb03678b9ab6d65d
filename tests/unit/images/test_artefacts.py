import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from adaptoscope.images.artefacts import clean
from adaptoscope.images.light import draw_light_over, fit_light, only_noise, shrink
from adaptoscope.images.medians import otsu_threshold

SIDE = 160


def discs(number: int, seed: int) -> np.ndarray:
    """Draw bright discs of 12 pixels on noise."""
    generator = np.random.default_rng(seed)
    image = generator.normal(0.1, 0.01, (SIDE, SIDE))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for row, column in generator.uniform(0, SIDE, (number, 2)):
        image += 0.3 / (1 + np.exp(np.hypot(rows - row, columns - column) - 6))
    return np.clip(image, 0, 1).astype(np.float32)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 40), st.integers(0, 1000), st.sampled_from([1, 2]))
def test_an_image_without_artefacts_comes_back_as_it_is(number, seed, larger):
    pixels = np.kron(discs(number, seed), np.ones((larger, larger), np.float32))

    cleaned = clean(pixels)

    assert cleaned.pixels is pixels
    assert cleaned.said == ()


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, unique=True))
def test_single_hot_pixels_get_the_median_of_their_neighbours(places):
    pixels = discs(20, 5)
    hot = pixels.copy()
    # Every fifth pixel at most, so that none has another beside it.
    where = tuple((5 * np.array(places)).T)
    hot[where] = 1.0

    cleaned = clean(hot)

    around = [
        np.delete(pixels[row - 1 : row + 2, column - 1 : column + 2].ravel(), 4)
        for row, column in zip(*where, strict=True)
    ]
    np.testing.assert_allclose(cleaned.pixels[where], np.median(around, axis=1), rtol=1e-6)
    others = np.ones(pixels.shape, dtype=bool)
    others[where] = False
    assert np.array_equal(cleaned.pixels[others], pixels[others])


def test_light_is_fitted_below_the_cells():
    pixels = discs(25, 3)
    slope = np.linspace(0, 0.4, SIDE, dtype=np.float32)[None, :] * np.ones((SIDE, 1), np.float32)

    light = draw_light_over(fit_light(shrink(pixels + slope), 2), pixels.shape)

    # The noise below the ground is what it is fitted to.
    np.testing.assert_allclose(light, 0.1 + slope, atol=0.02)


@pytest.mark.parametrize("grain", [0.001, 0.05])
def test_noise_is_told_from_cells(grain):
    noise = np.random.default_rng(0).normal(0.3, grain, (SIDE, 200)).astype(np.float32)

    assert only_noise(noise)
    assert not only_noise(discs(10, 0))


def test_the_threshold_is_that_of_scikit_image():
    for seed in range(5):
        pixels = discs(10, seed)
        assert otsu_threshold(pixels) == float(threshold_otsu(pixels))
        assert otsu_threshold(pixels.astype(np.float64)) == threshold_otsu(
            pixels.astype(np.float64)
        )
    assert otsu_threshold(np.full((3, 3), 0.5)) == 0.5


def test_what_a_threshold_leaves_is_no_lettering():
    pixels = np.zeros((128, 128), np.float32)
    pixels[20:30, 20:30] = pixels[60:70, 80:90] = 1.0
    assert clean(pixels).pixels is pixels


def test_drawn_cells_that_are_all_there_is_are_kept_and_told():
    pixels = np.random.default_rng(0).normal(0.1, 0.01, (96, 96))
    pixels[20:30, 20:30] = pixels[60:70, 60:70] = 0.8
    drawn = pixels.clip(0, 1).astype(np.float32)
    cleaned = clean(drawn)
    assert cleaned.pixels is drawn
    assert cleaned.said == ("shapes without soft borders, as in a drawing",)
