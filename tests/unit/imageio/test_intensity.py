import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityRange, IntensityScale, robust_range


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_every_stored_count_survives_the_unit_interval(bit_depth):
    scale = IntensityScale.full_range(bit_depth)
    counts = np.arange(2**bit_depth).astype(np.uint8 if bit_depth == 8 else np.uint16)
    unit = scale.to_unit(counts)
    assert unit.dtype == np.float32
    assert unit[0] == 0
    assert unit[-1] == 1
    np.testing.assert_array_equal(scale.to_stored(unit), counts)
    assert scale.to_stored(unit).dtype == counts.dtype


def test_values_beyond_the_scale_are_kept_one_way_and_clipped_the_other():
    scale = IntensityScale(low=100, high=300, bit_depth=16)
    np.testing.assert_allclose(scale.to_unit(np.array([0, 100, 500], np.uint16)), [-0.5, 0, 2])
    np.testing.assert_array_equal(
        scale.to_stored(np.array([-1.0, 0, 1, 1e9])), [0, 100, 300, 65535]
    )


def test_halves_are_rounded_to_even():
    stored = IntensityScale.full_range(8).to_stored(np.array([0.5, 1.5, 2.5]) / 255)
    np.testing.assert_array_equal(stored, [0, 2, 2])


@pytest.mark.parametrize(
    ("low", "high", "bit_depth"), [(5, 5, 8), (9, 1, 16), (0, np.nan, 8), (0, 1, 12)]
)
def test_impossible_scales_are_refused(low, high, bit_depth):
    with pytest.raises(InputError, match="expected"):
        IntensityScale(low, high, bit_depth)


def test_robust_range_leaves_out_extreme_pixels():
    pixels = np.linspace(10, 20, 100_000)
    pixels[0], pixels[-1] = -1e6, 1e6
    low, high = robust_range(pixels)
    assert 9.9 < low < 10.1
    assert 19.9 < high < 20.1


def test_robust_range_of_a_few_bright_pixels_is_the_full_range():
    pixels = np.zeros((100, 100))
    pixels[3, 3] = 7
    assert robust_range(pixels) == (0.0, 7.0)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6))
def test_robust_range_of_a_constant_image_can_be_divided_by(value):
    low, high = robust_range(np.full((4, 4), value))
    assert low == value
    assert high > low


@pytest.mark.parametrize("pixels", [np.empty(0), np.array([1.0, np.nan])])
def test_robust_range_refuses_what_has_none(pixels):
    with pytest.raises(InputError, match="range"):
        robust_range(pixels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_range_maps_both_ways_in_the_type_that_is_given(dtype):
    line = IntensityRange(0.25, 0.75)
    pixels = np.array([0.0, 0.25, 0.5, 0.75], dtype)
    shares = line.normalise(pixels)
    assert shares.dtype == dtype
    assert shares.tolist() == [-0.5, 0.0, 0.5, 1.0]
    assert line.denormalise(shares).tolist() == pixels.tolist()
