import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from adaptoscope.adaptation.illumination import light_at, light_change, light_pattern

SHAPE = (48, 64)
EVEN = [1, 0, 0, 0, 0, 0]


def cells(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 3, mode="wrap")
    return np.asarray(0.4 + 0.1 * smooth / smooth.std(), dtype=np.float32)


def frame(seed: int, time: int) -> np.ndarray:
    """Eight cells that wander by a few pixels, with a little noise."""
    rng = np.random.default_rng([seed, time])
    places = np.random.default_rng(seed).random((8, 2)) * SHAPE + rng.normal(0, 1.5, (8, 2))
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    shown = sum(np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 32) for y, x in places)
    return np.asarray(0.1 + 0.3 * shown + rng.normal(0, 0.003, SHAPE), dtype=np.float32)


def lamp(slope: float, vignetting: float) -> np.ndarray:
    """Rising from left to right, and darker towards corners."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, side) for side in SHAPE), indexing="ij")
    return np.asarray(1 + slope * columns - vignetting * (rows**2 + columns**2), dtype=np.float32)


def lit(number: int, light: np.ndarray, first: int = 0) -> list[np.ndarray]:
    return [cells(first + seed) * light for seed in range(number)]


def test_the_lamp_is_told_from_the_cells() -> None:
    light = lamp(0.4, 0.15)
    found = light_pattern(lit(96, light))
    assert found is not None
    error = np.abs(light_at(found, SHAPE) - light / light.mean())
    assert error.mean() < 0.02
    assert error.max() < 0.1
    assert light_at(found, SHAPE).mean() == pytest.approx(1, abs=1e-5)
    # As images of the same camera with fewer pixels show it.
    assert light_at(found, (24, 32))[0, 0] == pytest.approx(light_at(found, SHAPE)[0, 0], rel=0.05)


def test_images_without_light_or_of_other_sizes_are_left_out() -> None:
    images = lit(24, lamp(0.4, 0))
    odd = [np.zeros(SHAPE, dtype=np.float32), cells(50)[:40]]
    assert light_pattern([*odd, *images]) == pytest.approx(light_pattern(images))


def test_large_images_tell_the_same_pattern() -> None:
    images = lit(24, lamp(0.4, 0.15))
    large = [image.repeat(11, axis=0).repeat(9, axis=1) for image in images]
    assert light_pattern(large) == pytest.approx(light_pattern(images), abs=0.02)


def test_cells_alone_are_lit_evenly() -> None:
    assert light_pattern(lit(24, lamp(0, 0))) == pytest.approx(EVEN)


def test_what_single_images_show_is_no_lamp() -> None:
    # Each image is brighter on one side, but not on the same.
    assert light_pattern([cells(seed) * lamp(0.4 * (-1) ** seed, 0) for seed in range(24)]) is None


@pytest.mark.parametrize("fields", [1, 4])
def test_images_of_the_same_field_count_as_one(fields: int) -> None:
    for first in range(10):
        series = [frame(first * 10 + field, time) for field in range(fields) for time in range(12)]
        assert light_pattern(series) is None


@pytest.mark.parametrize(
    "images",
    [
        lit(2, lamp(0.4, 0)),
        [np.zeros(SHAPE, dtype=np.float32)] * 5,
        [cells(0) * lamp(0.4, 0)] * 24,
    ],
    ids=["two images", "black", "copies of one"],
)
def test_too_little_to_tell(images: list[np.ndarray]) -> None:
    assert light_pattern(images) is None


def test_light_is_changed_where_both_sets_tell_it_and_it_differs() -> None:
    bright, other = lit(24, lamp(0.4, 0)), lit(24, lamp(0.4, 0), 100)
    changed = light_change(bright, lit(24, lamp(0, 0), 100))
    assert changed.before is not None
    assert changed.before[1] == pytest.approx(0.4, abs=0.05)
    assert changed.after == pytest.approx(EVEN)
    # The same lamp; and a target of which nothing is known, which may well have it.
    for target in (other, other[:2]):
        assert light_change(bright, target).before is None
        assert light_change(target, bright).after is None


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.integers(1, 30), st.integers(0, 2**16))
def test_light_is_never_dark(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pattern = np.concatenate([[1.0], rng.normal(0, 2, 5)])
    assert light_at(pattern, (height, width)).min() >= 0.1 - 1e-6
    images = [rng.random((height, width), dtype=np.float32) for _ in range(4)]
    found = light_pattern(images)
    assert found is None or (found.shape == (6,) and np.isfinite(found).all())
