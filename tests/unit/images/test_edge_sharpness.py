import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from adaptoscope.errors import InputError
from adaptoscope.images.edge_sharpness import edge_sharpness, width_of_sharpness

# Nine discs of 20 pixels: wide enough for a blur of 2 pixels to leave a plateau.
SIDE, RADIUS = 160, 10.0


def discs() -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.indices((SIDE, SIDE))
    labels = np.zeros((SIDE, SIDE), np.int32)
    for number, (row, column) in enumerate(np.ndindex(3, 3), start=1):
        away = (rows - 30 - 50 * row) ** 2 + (columns - 30 - 50 * column) ** 2
        labels[away <= RADIUS**2] = number
    return np.where(labels > 0, 1.0, 0.0).astype(np.float32), labels


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5, 2.0])
def test_the_blur_is_found_again(sigma: float) -> None:
    pixels, labels = discs()
    noise = np.random.default_rng(0).normal(0, 0.02, pixels.shape)
    sharpness = edge_sharpness(gaussian_filter(pixels, sigma) + noise, labels)
    assert len(sharpness) == 9
    assert width_of_sharpness(float(np.median(sharpness))) == pytest.approx(sigma, rel=0.15)


@given(st.floats(0.01, 100), st.floats(-10, 10))
@settings(max_examples=10, deadline=None)
def test_contrast_and_background_do_not_matter(factor: float, offset: float) -> None:
    pixels, labels = discs()
    soft = gaussian_filter(pixels, 1.0).astype(np.float64)
    np.testing.assert_allclose(
        edge_sharpness(factor * soft + offset, labels), edge_sharpness(soft, labels), rtol=1e-3
    )


def test_a_sharp_step_is_as_sharp_as_can_be() -> None:
    pixels, labels = discs()
    np.testing.assert_allclose(edge_sharpness(pixels, labels), 1.0)
    assert width_of_sharpness(1.0) == 0.0


def test_cells_without_a_border_of_their_own_are_left_out() -> None:
    pixels, labels = discs()
    rows = np.indices(labels.shape)[0]
    labels[(labels == 5) & (rows < 80)] = 10
    # Label 11 lies inside a disc and has no background beside it; label 12 is a speck.
    labels[28:33, 28:33] = 11
    labels[0, 0] = 12
    assert len(edge_sharpness(gaussian_filter(pixels, 1.0), labels)) == 10


def test_without_cells_there_is_nothing_to_measure() -> None:
    empty = np.zeros((32, 32), np.int32)
    assert edge_sharpness(np.zeros((32, 32), np.float32), empty).shape == (0,)
    with pytest.raises(InputError, match="label image"):
        edge_sharpness(np.zeros((32, 30), np.float32), empty)
