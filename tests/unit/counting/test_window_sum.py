import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.counting.window_sum import MICRO_BATCH, count_by_windows

# A perfect counter of one-pixel cells: whatever it gets wrong, the windows get wrong.
WINDOW = 50


def bright_pixels(crops):
    assert crops.shape[0] == MICRO_BATCH
    return crops.sum(axis=(1, 2, 3)).astype(np.float64)


def field(height, width, density, seed):
    return (np.random.default_rng(seed).random((height, width)) < density).astype(np.float32)


def test_twelve_windows_cover_600_by_800_exactly():
    calls = []

    def count(crops):
        calls.append(crops.shape)
        return bright_pixels(crops)

    image = field(600, 800, 0.001, 0)

    assert count_by_windows(image, 200, count) == image.sum()
    assert calls == [(4, 1, 200, 200)] * 3


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_whole_windows_lose_and_double_nothing(rows, columns, seed):
    image = field(rows * WINDOW, columns * WINDOW, 0.01, seed)

    assert count_by_windows(image, WINDOW, bright_pixels) == image.sum()


@pytest.mark.parametrize(
    ("height", "width"), [(75, 130), (101, 149), (51, 51), (30, 120), (20, 20), (7, 49)]
)
def test_other_sizes_are_unbiased(height, width):
    images = [field(height, width, 0.05, seed) for seed in range(300)]

    ratio = sum(count_by_windows(image, WINDOW, bright_pixels) for image in images) / sum(
        float(image.sum()) for image in images
    )

    assert ratio == pytest.approx(1, abs=0.02)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 11), st.integers(1, 11), st.integers(1, 6))
def test_every_pixel_counts_and_together_they_count_as_the_image(height, width, window):
    weights = np.zeros((height, width))
    for place in np.ndindex(height, width):
        impulse = np.zeros((height, width), dtype=np.float32)
        impulse[place] = 1
        weights[place] = count_by_windows(impulse, window, bright_pixels)

    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(height * width)
    # Away from the last row and column of windows nothing is counted in part or twice.
    whole_rows, whole_columns = (height // window - 1) * window, (width // window - 1) * window
    assert (weights[: max(whole_rows, 0), : max(whole_columns, 0)] == 1).all()


@pytest.mark.parametrize("window", [200, 64])
def test_a_field_of_the_paper_is_covered_by_windows_of_either_size(window):
    image = np.full((600, 800), 0.01, dtype=np.float32)

    assert count_by_windows(image, window, bright_pixels) == pytest.approx(4800, rel=1e-5)


def test_an_even_density_is_counted_exactly_whatever_the_size():
    for shape in [(63, 140), (20, 20), (50, 51)]:
        image = np.full(shape, 0.01, dtype=np.float32)

        assert count_by_windows(image, WINDOW, bright_pixels) == pytest.approx(
            image.sum(), rel=1e-5
        )


def test_the_sum_is_clipped_but_the_windows_are_not():
    image = np.zeros((WINDOW, 2 * WINDOW), dtype=np.float32)

    cancelling = count_by_windows(image, WINDOW, lambda crops: np.array([-3.0, 5.0, 9.0, 9.0]))
    negative = count_by_windows(image, WINDOW, lambda crops: np.full(4, -3.0))

    assert cancelling == 2.0
    assert negative == 0.0
