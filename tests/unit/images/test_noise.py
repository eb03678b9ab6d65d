import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.images.noise import CameraNoise, add_camera_noise, measure_noise

# Large enough for a variance to a few per cent, small enough for milliseconds.
SHAPE = (192, 192)


def ramp(low: float = 5.0, high: float = 45.0) -> np.ndarray:
    return np.tile(np.linspace(low, high, SHAPE[1], dtype=np.float32), (SHAPE[0], 1))


@given(st.floats(0.0, 3.0), st.floats(0.0, 0.3), st.integers(0, 20))
@settings(max_examples=12, deadline=None)
def test_what_was_added_is_measured(constant: float, slope: float, seed: int) -> None:
    noise = CameraNoise(constant + 0.05, slope)
    noisy = add_camera_noise(ramp(), noise, np.random.default_rng(seed))
    found = measure_noise(noisy)
    for level in (8.0, 25.0, 40.0):
        at = np.array([level], dtype=np.float32)
        assert found.variance(at)[0] == pytest.approx(noise.variance(at)[0], rel=0.15)


def test_only_what_is_missing_is_added() -> None:
    noise = CameraNoise(1.0, 0.1)
    once = add_camera_noise(ramp(), noise, np.random.default_rng(0))
    twice = add_camera_noise(once, noise, np.random.default_rng(1), present=measure_noise(once))
    at = np.array([25.0], dtype=np.float32)
    assert measure_noise(twice).variance(at)[0] == pytest.approx(3.5, rel=0.15)


def test_rounding_makes_a_known_part_of_the_noise() -> None:
    noise = CameraNoise(0.5 / 255**2, 0.05 / 255)
    level = ramp() / 255
    stored = np.rint(add_camera_noise(level, noise, np.random.default_rng(0)) * 255) / 255
    found = measure_noise(stored.astype(np.float32)).without_rounding(8)
    at = np.array([25 / 255], dtype=np.float32)
    assert found.variance(at)[0] == pytest.approx(noise.variance(at)[0], rel=0.1)


def test_sharp_edges_are_not_taken_for_noise() -> None:
    squares = np.kron(np.indices((6, 6)).sum(axis=0) % 2, np.ones((32, 32))) * 30
    noisy = squares + np.random.default_rng(0).normal(0, 1.0, SHAPE)
    found = measure_noise(noisy.astype(np.float32))
    assert found.variance(np.array([0.0], np.float32))[0] == pytest.approx(1.0, rel=0.3)


def test_an_image_of_one_level_has_no_slope() -> None:
    assert measure_noise(np.full((32, 32), 7.0, np.float32)) == CameraNoise(0.0, 0.0)


def test_variance_is_never_below_zero() -> None:
    assert CameraNoise(-1.0, 0.1).variance(np.array([0.0, 20.0], np.float32)).tolist() == [0, 1]


@pytest.mark.parametrize(
    "pixels", [np.zeros((8, 8)), np.zeros((32, 32, 3)), np.full((32, 32), np.nan)]
)
def test_unusable_images_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match="noise"):
        measure_noise(pixels.astype(np.float32))
