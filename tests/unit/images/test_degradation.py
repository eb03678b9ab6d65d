import numpy as np
import pytest
from scipy import ndimage

from adaptoscope.images.degradation import (
    blur,
    blur_with_halo,
    digitise,
    illumination,
    shot_and_read_noise,
    smooth_field,
)

SIDE = 96


def spots() -> np.ndarray:
    rng = np.random.default_rng(3)
    pixels = np.zeros((SIDE, SIDE), dtype=np.float32)
    pixels[rng.integers(20, SIDE - 20, 12), rng.integers(20, SIDE - 20, 12)] = 100
    return pixels


@pytest.mark.parametrize("sigma", [0.8, 3.0, 9.0])
def test_blur_keeps_the_total_light(sigma):
    assert blur(spots(), sigma).sum() == pytest.approx(spots().sum(), rel=2e-3)


def test_blur_of_zero_width_is_a_copy():
    pixels = spots()
    result = blur(pixels, 0)
    assert np.array_equal(result, pixels)
    assert result is not pixels


@pytest.mark.parametrize("sigma", [6.5, 12.0, 30.0])
def test_wide_blur_agrees_with_the_direct_one(sigma):
    direct = ndimage.gaussian_filter(spots(), sigma)
    assert np.abs(blur(spots(), sigma) - direct).max() < 0.05 * direct.max()


def test_halo_moves_light_from_core_to_skirt():
    sharp = blur(spots(), 1.0)
    hazy = blur_with_halo(spots(), 1.0, halo_sigma=8.0, halo_weight=0.4)
    assert hazy.max() < sharp.max()
    assert hazy.sum() == pytest.approx(sharp.sum(), rel=2e-3)
    assert np.median(hazy) > np.median(sharp)


def test_smooth_field_is_standardised_and_smooth():
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_field((64, 80), 10, rng) for _ in range(60)])
    assert fields.shape == (60, 64, 80)
    assert abs(fields.mean()) < 0.1
    assert fields.std() == pytest.approx(1, abs=0.1)
    assert np.abs(np.diff(fields, axis=1)).mean() < 0.2


def test_illumination_has_mean_one_and_dark_corners():
    lamp = illumination((40, 60), vignette=0.5)
    assert lamp.mean() == pytest.approx(1, abs=1e-5)
    assert lamp[0, 0] < 0.7 * lamp[20, 30]
    assert illumination((8, 8), vignette=0.9, tilt=(2, 2)).min() > 0


def test_shot_noise_has_poisson_and_read_variance():
    expected = np.full((200, 200), 50.0, dtype=np.float32)
    read = shot_and_read_noise(expected, np.random.default_rng(1), read_noise=5)
    assert read.mean() == pytest.approx(50, abs=0.3)
    assert read.var() == pytest.approx(50 + 25, rel=0.05)


def test_row_noise_is_common_to_a_row():
    dark = np.zeros((300, 50), dtype=np.float32)
    read = shot_and_read_noise(dark, np.random.default_rng(1), read_noise=0, row_noise=4)
    assert np.array_equal(read, np.repeat(read[:, :1], 50, axis=1))
    assert read[:, 0].std() == pytest.approx(4, rel=0.15)


def test_digitise_rounds_offsets_and_saturates():
    electrons = np.array([[0.0, 10.0, 1e6, -1e3]], dtype=np.float32)
    counts = digitise(electrons, counts_per_electron=0.26, offset=3, largest_count=255)
    assert counts.tolist() == [[3, 6, 255, 0]]
    assert counts.dtype == np.uint16
