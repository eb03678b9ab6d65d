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
