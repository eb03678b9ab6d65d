import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from adaptoscope.errors import InputError
from adaptoscope.images.matching import (
    match_blur_and_noise,
    match_histogram,
    match_percentiles,
    measure_blur_and_noise,
    missing_blur,
)

# A reference larger than the drawing, with the same discs: enough cells for a median.
DRAWING, REFERENCE = (128, 128), (160, 192)


def picture(
    shape: tuple[int, int], background: float, cells: float, blur: float, noise: float, seed: int
) -> np.ndarray:
    """Discs of 14 pixels on a grid with jitter; intensities in 8-bit counts."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    pixels = np.zeros(shape)
    for row, column in np.ndindex(shape[0] // 30, shape[1] // 30):
        at = rng.uniform(-4, 4, 2) + 15 + 30 * np.array([row, column])
        pixels[(rows - at[0]) ** 2 + (columns - at[1]) ** 2 <= 49] = cells
    noisy = gaussian_filter(pixels, blur) + background + rng.normal(0, noise, shape)
    return (np.clip(np.rint(noisy), 0, 255) / 255).astype(np.float32)


@pytest.fixture(scope="module")
def drawing() -> np.ndarray:
    return picture(DRAWING, 10, 150, 0.0, 1.0, 0)


@pytest.fixture(scope="module")
def real() -> np.ndarray:
    return picture(REFERENCE, 20, 40, 1.8, 1.5, 1)


def test_percentiles_become_those_of_the_reference(drawing: np.ndarray, real: np.ndarray) -> None:
    matched = match_percentiles(drawing, real)
    np.testing.assert_allclose(
        np.percentile(matched, [1, 99.8]), np.percentile(real, [1, 99.8]), atol=1e-3
    )
    assert np.corrcoef(matched.ravel(), drawing.ravel())[0, 1] > 0.999


def test_the_histogram_becomes_that_of_the_reference(real: np.ndarray) -> None:
    levels = np.linspace(1, 99, 40)
    # No two pixels are alike: equal ones would stay equal, and their level would be missed.
    drawing = np.random.default_rng(0).random(DRAWING)
    matched = np.percentile(match_histogram(drawing, real), levels)
    np.testing.assert_allclose(matched, np.percentile(real, levels), atol=1 / 255)


@given(st.integers(0, 200), st.floats(0.2, 3.0))
@settings(max_examples=10, deadline=None)
def test_ranks_are_kept(seed: int, gamma: float) -> None:
    rng = np.random.default_rng(seed)
    pixels, reference = rng.random((20, 20)), rng.random((15, 30)) ** gamma
    for matched in (match_histogram(pixels, reference), match_percentiles(pixels, reference)):
        order = np.argsort(pixels.ravel())
        assert np.all(np.diff(matched.ravel()[order]) >= -1e-6)
        assert matched.shape == pixels.shape
        assert matched.min() >= 0
        assert matched.max() <= 1


def test_blur_levels_and_noise_become_those_of_the_reference(
    drawing: np.ndarray, real: np.ndarray
) -> None:
    wanted = measure_blur_and_noise(real)
    matched = match_blur_and_noise(drawing, wanted, np.random.default_rng(0), bit_depth=8)
    stored = (np.rint(matched * 255) / 255).astype(np.float32)
    found = measure_blur_and_noise(stored)
    assert found.background == pytest.approx(wanted.background, abs=0.5 / 255)
    assert found.cells == pytest.approx(wanted.cells, abs=3 / 255)
    assert found.edge_width == pytest.approx(wanted.edge_width, rel=0.15)
    at = np.array([wanted.background], dtype=np.float32)
    assert found.noise.variance(at)[0] == pytest.approx(wanted.noise.variance(at)[0], rel=0.2)


def test_an_empty_drawing_gets_background_and_noise(real: np.ndarray) -> None:
    wanted = measure_blur_and_noise(real)
    empty = np.full(DRAWING, 10 / 255, dtype=np.float32)
    matched = match_blur_and_noise(empty, wanted, np.random.default_rng(0), bit_depth=8)
    assert matched.mean() == pytest.approx(wanted.background, abs=1 / 255)
    assert matched.std() * 255 == pytest.approx(1.5, rel=0.2)


def test_a_reference_without_cells_leaves_no_blur_to_match() -> None:
    dark = picture((64, 64), 20, 0, 0.0, 1.5, 2)
    look = measure_blur_and_noise(dark)
    assert look.cells_per_mpx == 0
    assert np.isnan(look.edge_width)
    assert np.isnan(look.cells)


def test_contrasts_are_kept_where_the_reference_shows_no_cells(drawing: np.ndarray) -> None:
    look = measure_blur_and_noise(picture((64, 64), 20, 0, 0.0, 1.5, 2))
    matched = match_blur_and_noise(drawing, look, np.random.default_rng(0), bit_depth=8)
    found, before = measure_blur_and_noise(matched), measure_blur_and_noise(drawing)
    assert found.background == pytest.approx(look.background, abs=0.5 / 255)
    height = found.cells - found.background
    assert height == pytest.approx(before.cells - before.background, rel=0.05)


def test_noise_of_an_empty_drawing_is_not_made_as_bright_as_cells(real: np.ndarray) -> None:
    wanted = measure_blur_and_noise(real)
    empty = picture(DRAWING, 10, 0, 0.0, 1.0, 5)
    rng = np.random.default_rng(0)
    for matched in (
        match_blur_and_noise(empty, wanted, rng, bit_depth=8),
        match_percentiles(empty, real),
    ):
        assert np.median(matched) == pytest.approx(wanted.background, abs=1 / 255)
        assert matched.std() * 255 < 2
        assert np.percentile(matched, 99.8) < (wanted.background + wanted.cells) / 2


def test_one_cell_in_a_large_drawing_does_not_lift_its_noise(real: np.ndarray) -> None:
    """A nucleus of 0.1 % of the pixels lies above percentile 99.8, which then is noise."""
    sparse = picture((400, 400), 10, 0, 0.0, 1.0, 5)
    rows, columns = np.indices(sparse.shape)
    sparse[(rows - 200) ** 2 + (columns - 200) ** 2 <= 49] = 60 / 255
    matched = match_percentiles(sparse, real)
    assert matched.std() * 255 < 3
    assert matched[200, 200] - np.median(matched) == pytest.approx(50 / 255, abs=3 / 255)


def test_variances_of_blur_add_up() -> None:
    assert missing_blur(0.6, 1.0) == pytest.approx(0.8)
    assert missing_blur(2.0, 1.0) == 0.0
    assert missing_blur(float("nan"), 1.5) == 1.5
    assert missing_blur(1.0, float("nan")) == 0.0


def test_colour_images_have_no_common_histogram() -> None:
    with pytest.raises(InputError, match="histogram"):
        match_histogram(np.zeros((4, 4, 3)), np.zeros((4, 4)))
