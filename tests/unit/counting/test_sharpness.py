import numpy as np
import pytest
from scipy import ndimage

from adaptoscope.counting.sharpness import responses


def test_the_answer_is_that_of_a_laplacian_of_gaussian_near_the_point():
    pixels = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    points = np.array([[0.0, 0.0], [30.2, 40.6], [59.4, 79.4], [1.0, 50.0]])
    sigma = 0.8 * 12 / (2 * np.sqrt(2))

    found = responses(pixels, points, 12.0)

    whole = -(sigma**2) * ndimage.gaussian_laplace(
        pixels.astype(float), sigma, mode="reflect", truncate=14 / sigma
    )
    padded = np.pad(whole, 2, mode="symmetric")
    places = np.rint(points).astype(int).clip(0, [59, 79])
    expected = [padded[row : row + 5, column : column + 5].max() for row, column in places]
    assert found == pytest.approx(expected, abs=2e-3)


def test_brightness_and_blur_both_count():
    rows, columns = np.mgrid[:64, :64]
    disc = (np.hypot(rows - 32, columns - 32) < 6).astype(np.float32)
    middle = np.array([[32.0, 32.0]])

    sharp = responses(disc, middle, 12.0)
    faint = responses(0.5 * disc, middle, 12.0)
    blurred = responses(ndimage.gaussian_filter(disc, 5), middle, 12.0)

    assert faint == pytest.approx(0.5 * sharp)
    assert blurred < 0.5 * sharp


def test_a_point_at_the_border_of_even_light_answers_nothing():
    corner = np.zeros((1, 2))

    assert responses(np.ones((40, 40), np.float32), corner, 12.0) == pytest.approx(0, abs=1e-5)
    assert responses(np.ones((40, 40), np.float32), np.zeros((0, 2)), 12.0).shape == (0,)
