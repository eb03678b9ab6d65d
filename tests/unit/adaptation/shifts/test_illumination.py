import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from adaptoscope.adaptation.shifts.illumination import LightChange, light_at, light_change

SHAPE = (48, 64)


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


def seen_from_even_light(images: list[np.ndarray]) -> LightChange:
    return light_change(lit(96, lamp(0, 0), 1000), images)


def test_the_lamp_is_told_from_the_cells() -> None:
    light = lamp(0.4, 0.15)
    change = seen_from_even_light(lit(96, light))
    assert change.before is not None
    assert change.after is not None
    error = np.abs(light_at(change.after, SHAPE) - light / light.mean())
    assert error.mean() < 0.02
    assert error.max() < 0.1
    assert np.abs(light_at(change.before, SHAPE) - 1).max() < 0.1
    assert light_at(change.after, SHAPE).mean() == pytest.approx(1, abs=1e-5)
    # As images of the same camera with fewer pixels show it.
    corner = light_at(change.after, SHAPE)[0, 0]
    assert light_at(change.after, (24, 32))[0, 0] == pytest.approx(corner, rel=0.05)
    back = light_change(lit(96, light), lit(96, lamp(0, 0), 1000))
    assert back.before == pytest.approx(change.after)


def test_images_without_light_or_of_other_sizes_are_left_out() -> None:
    images = lit(24, lamp(0.4, 0))
    odd = [np.zeros(SHAPE, dtype=np.float32), cells(50)[:40]]
    found = seen_from_even_light(images).after
    assert found is not None
    assert seen_from_even_light([*odd, *images]).after == pytest.approx(found)


def test_large_images_tell_the_same_pattern() -> None:
    images = lit(24, lamp(0.4, 0.15))
    large = [image.repeat(11, axis=0).repeat(9, axis=1) for image in images]
    found = seen_from_even_light(images).after
    assert found is not None
    assert seen_from_even_light(large).after == pytest.approx(found, abs=0.02)


def test_what_both_sets_share_is_left_alone() -> None:
    for light in (lamp(0, 0), lamp(0.4, 0.15)):
        assert light_change(lit(48, light), lit(48, light, 100)).after is None


def test_what_single_images_show_is_no_lamp() -> None:
    # Each image is brighter on one side, but not on the same.
    turned = [cells(seed) * lamp(0.4 * (-1) ** seed, 0) for seed in range(24)]
    assert seen_from_even_light(turned).after is None


@pytest.mark.parametrize("fields", [1, 4])
def test_images_of_the_same_field_count_as_one(fields: int) -> None:
    single = [frame(1000 + field, 0) for field in range(96)]
    for first in range(10):
        series = [frame(first * 10 + field, time) for field in range(fields) for time in range(12)]
        assert light_change(single, series).after is None


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
    assert seen_from_even_light(images).after is None
    assert light_change(images, lit(96, lamp(0, 0), 1000)).before is None


def test_empty_fields_of_a_lamp_tell_it_best() -> None:
    empty = [lamp(0.4, 0) * (1 + seed / 100) for seed in range(5)]
    found = seen_from_even_light(empty).after
    assert found is not None
    assert found[1] == pytest.approx(0.4, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.integers(1, 30), st.integers(0, 2**16))
def test_light_is_never_dark(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pattern = np.concatenate([[1.0], rng.normal(0, 2, 5)])
    assert light_at(pattern, (height, width)).min() >= 0.1 - 1e-6
    images = [rng.random((height, width), dtype=np.float32) for _ in range(4)]
    found = light_change(images, images[:3])
    assert found.before is found.after is None or np.isfinite([found.before, found.after]).all()
