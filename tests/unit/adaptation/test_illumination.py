import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from adaptoscope.adaptation.illumination import light_at, light_pattern

SHAPE = (48, 64)


def cells(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 3, mode="wrap")
    return np.asarray(0.4 + 0.1 * smooth / smooth.std(), dtype=np.float32)


def lamp(slope: float, vignetting: float) -> np.ndarray:
    """Rising from left to right, and darker towards corners."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, side) for side in SHAPE), indexing="ij")
    return np.asarray(1 + slope * columns - vignetting * (rows**2 + columns**2), dtype=np.float32)


def test_the_lamp_is_told_from_the_cells() -> None:
    light = lamp(0.4, 0.15)
    found = light_pattern([cells(seed) * light for seed in range(96)])
    assert found is not None
    error = np.abs(light_at(found, SHAPE) - light / light.mean())
    assert error.mean() < 0.02
    assert error.max() < 0.1
    # As images of the same camera with fewer pixels show it.
    assert light_at(found, (24, 32)).shape == (24, 32)
    assert light_at(found, SHAPE).mean() == pytest.approx(1, abs=1e-5)


def test_large_images_tell_the_same_pattern() -> None:
    light = lamp(0.4, 0.15)
    images = [cells(seed) * light for seed in range(12)]
    small, large = light_pattern(images), light_pattern([_enlarged(image) for image in images])
    assert small is not None
    assert large == pytest.approx(small, abs=0.02)


def _enlarged(image: np.ndarray) -> np.ndarray:
    return image.repeat(11, axis=0).repeat(9, axis=1)


def test_cells_alone_make_no_pattern() -> None:
    assert light_pattern([cells(seed) for seed in range(24)]) is None
    # Told, but too weak to be worth it.
    assert light_pattern([cells(seed) * lamp(0.03, 0) for seed in range(100)]) is None
    assert light_pattern([cells(seed) * lamp(0.06, 0) for seed in range(100)]) is not None


def test_what_single_images_show_is_no_lamp() -> None:
    # Each image is brighter on one side, but not on the same.
    images = [cells(seed) * lamp(0.4 * (-1) ** seed, 0) for seed in range(24)]
    assert light_pattern(images) is None


@pytest.mark.parametrize(
    "images",
    [
        [cells(0) * lamp(0.4, 0), cells(1) * lamp(0.4, 0)],
        [cells(0) * lamp(0.4, 0), *(cells(seed)[:40] * lamp(0.4, 0)[:40] for seed in range(9))],
        [np.zeros(SHAPE, dtype=np.float32)] * 5,
        [np.full(SHAPE, 0.5, dtype=np.float32)] * 5,
        [cells(0) * lamp(0.4, 0)] * 5,
    ],
    ids=["two images", "several sizes", "black", "flat", "five times the same"],
)
def test_too_little_to_tell(images: list[np.ndarray]) -> None:
    assert light_pattern(images) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**16))
def test_light_is_never_dark(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pattern = np.concatenate([[1.0], rng.normal(0, 2, 5)])
    assert light_at(pattern, (height, width)).min() >= 0.1 - 1e-6
    images = [rng.random((height, width), dtype=np.float32) for _ in range(4)]
    found = light_pattern(images)
    assert found is None or (found.shape == (6,) and np.isfinite(found).all())
