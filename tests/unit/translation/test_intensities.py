import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaptoscope.errors import SettingsError
from adaptoscope.training.settings import settings_from
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import (
    IntensityInterval,
    Preparation,
    measure_histogram,
    measure_interval,
    pool_pixels,
    prepare_field,
)

PIXELS = arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32))


@settings(deadline=None)
@given(PIXELS, st.floats(0, 0.5), st.floats(0.01, 0.5))
def test_the_stored_range_is_found_again(pixels: np.ndarray, low: float, span: float) -> None:
    interval = IntensityInterval(low=low, high=low + span)
    seen = interval.to_network(pixels)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(interval.to_stored_range(seen), pixels, atol=2e-6 / span)
    by_hand = [[2 * (float(x) - low) / span - 1 for x in row] for row in pixels]
    np.testing.assert_allclose(seen, by_hand, rtol=1e-4, atol=1e-5 / span)


def test_the_ends_become_minus_one_and_one_and_beyond_them_it_goes_on() -> None:
    interval = IntensityInterval(low=0.2, high=0.6)
    seen = interval.to_network(np.array([0.2, 0.4, 0.6, 1.0, 0.0], np.float32))
    np.testing.assert_allclose(seen, [-1, 0, 1, 3, -2], atol=1e-6)


def test_an_interval_is_measured_over_all_images_together() -> None:
    rng = np.random.default_rng(0)
    dark, bright = rng.uniform(0, 0.2, (50, 60)), rng.uniform(0.6, 0.9, (20, 100))
    found = measure_interval([dark.astype(np.float32), bright.astype(np.float32)], 1, 99)
    low, high = np.percentile(np.concatenate([dark.ravel(), bright.ravel()]), [1, 99])
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(SettingsError, match="high"):
        settings_from({"low": 0.0, "high": 0.0}, IntensityInterval)


def test_of_very_many_pixels_some_are_taken_evenly() -> None:
    image = np.zeros((3000, 3000), np.float32)
    image[1500:] = 1
    pooled = pool_pixels([image, image])
    assert 4_000_000 <= pooled.size < 5_000_000
    assert pooled.mean() == pytest.approx(0.5, abs=1e-3)


def test_a_field_gets_the_histogram_and_keeps_its_order_and_its_stains() -> None:
    rng = np.random.default_rng(1)
    source = rng.beta(2, 8, (40, 40)).astype(np.float32)
    stored = rng.integers(0, 256, (30, 30)).astype(np.uint8)
    field = Field("a", stored, stored[None], 8, ())
    found = prepare_field(field, measure_histogram([source]))
    assert found.given.dtype == np.uint16
    assert found.stains is field.stains
    wanted, has = (np.quantile(each, [0.1, 0.5, 0.9]) for each in (source, found.pixels))
    np.testing.assert_allclose(has, wanted, atol=0.01)
    order = np.argsort(stored, axis=None, kind="stable")
    assert (np.diff(found.pixels.ravel()[order]) >= 0).all()


def test_constants_leave_a_field_as_it_is_and_single_images_have_no_common_range() -> None:
    stored = np.arange(16, dtype=np.uint8).reshape(4, 4)
    field = Field("a", stored, None, 8, ())
    assert prepare_field(field, Preparation()) is field
    with pytest.raises(ValueError, match="no common range"):
        prepare_field(field, Preparation(kind="per_image"))
