import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from adaptoscope.adaptation.shifts.camera_noise import draw_read_noise, draw_shot_noise
from adaptoscope.adaptation.shifts.illumination import light_gradient
from adaptoscope.adaptation.shifts.linear_light import LinearLight
from adaptoscope.adaptation.shifts.magnification import magnify
from adaptoscope.adaptation.shifts.overexposure import expose, saturate, saturated_share
from adaptoscope.adaptation.shifts.table import ShiftSettings, shift_given
from adaptoscope.errors import InputError
from adaptoscope.imageio.microscopy_image import image_of_counts

LIGHT = arrays(np.float32, (4, 5), elements=st.floats(-0.25, 1.5, width=32))


def image(shape=(24, 36), seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def overexposed(light, percent):
    return saturate(expose(light, percent))


def rng(seed=0):
    return np.random.default_rng(seed)


@settings(deadline=None)
@given(LIGHT, st.floats(1, 400))
def test_overexposure_is_the_formula_pixel_by_pixel(light, percent):
    found = overexposed(light, percent)
    by_hand = [[min(1.0, percent / 100 * float(x)) for x in row] for row in light]
    np.testing.assert_allclose(found, by_hand, rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32


@settings(deadline=None)
@given(LIGHT, st.floats(1, 400))
def test_an_overexposed_image_is_at_most_as_bright_as_without_the_limit(light, percent):
    linear = light * np.float32(percent / 100)
    assert overexposed(light, percent).mean() <= linear.mean() + 1e-6
    assert overexposed(light, percent).max() <= 1
    brighter = overexposed(np.abs(light), 1.5 * percent) - overexposed(np.abs(light), percent)
    assert (brighter >= -1e-6).all()


def test_exposures_of_up_to_white_follow_each_other():
    light = image() / 2
    np.testing.assert_allclose(
        overexposed(overexposed(light, 150), 130), overexposed(light, 195), atol=1e-6
    )
    np.testing.assert_array_equal(overexposed(light, 100), light)


def test_light_is_measured_over_the_pixels_of_all_images():
    counts = [np.random.default_rng(i).integers(300, 4096, (20, 20 + i)) for i in range(3)]
    found = LinearLight.of_images((each / 65535).astype(np.float32) for each in counts)
    together = np.concatenate([each.ravel() for each in counts])
    dark, white = np.percentile(together, [0.1, 99.9]) / 65535
    assert (found.low, found.high) == pytest.approx((dark, white), rel=1e-9)
    images = ((each / 65535).astype(np.float32) for each in counts)
    assert LinearLight.of_images(images, "zero").low == 0


def test_light_of_8_bit_images_is_measured_as_exactly():
    counts = np.random.default_rng(0).integers(0, 200, (50, 50)).astype(np.uint8)
    found = LinearLight.of_images([image_of_counts("x", counts, None).pixels])
    expected = np.percentile(counts, [0.1, 99.9]) / 255
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-9)


def test_light_of_nearly_constant_sets_is_measured_all_the_same():
    dark = np.full((100, 100), 0.25, np.float32)
    spot = dark.copy()
    spot[3, 3] = 0.75
    found = LinearLight.of_images([dark, spot])
    assert (found.low, found.high) == pytest.approx((0.25, 0.75), abs=1e-5)
    assert LinearLight.of_images([dark]).high == pytest.approx(1.25, abs=1e-5)
    with pytest.raises(InputError, match="without pixels"):
        LinearLight.of_images([])


@settings(deadline=None)
@given(
    arrays(np.uint16, (3, 4)),
    st.floats(0, 0.4),
    st.floats(0.5, 1),
)
def test_linear_light_is_undone_to_the_same_counts(counts, dark, white):
    stored = image_of_counts("x", counts, None)
    light = LinearLight(dark, white)
    back = light.to_stored_range(light.to_linear(stored.pixels))
    np.testing.assert_array_equal(stored.scale.to_stored(back), counts)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_saturated_share_is_that_of_the_pixels_cut_off(bits):
    kind = {8: np.uint8, 16: np.uint16}[bits]
    counts = np.random.default_rng(0).integers(10, 201, (40, 50)).astype(kind)
    read = image_of_counts("x", counts, None)
    # Far from whole counts in 8 bits: the white level is rounded as the pixels are.
    light = LinearLight(10 / (2**bits - 1), 200.3 / (2**bits - 1))
    exposed = light.to_stored_range(overexposed(light.to_linear(read.pixels), 150))
    written = image_of_counts("x", read.scale.to_stored(exposed), None)
    expected = np.mean((counts - 10.0) * 1.5 + 10 >= 199.5)
    assert 0.3 < expected < 0.4
    assert saturated_share(written, light.high) == pytest.approx(expected)
    assert saturated_share(read, light.high) == pytest.approx(np.mean(counts == 200))


@pytest.mark.parametrize(
    ("angle", "brightest", "darkest"),
    [
        (0, (2, -1), (2, 0)),
        (90, (0, 3), (-1, 3)),
        (180, (2, 0), (2, -1)),
        (270, (-1, 3), (0, 3)),
        (45, (0, -1), (-1, 0)),
        (-135, (-1, 0), (0, -1)),
    ],
)
def test_a_gradient_goes_from_one_end_to_the_other(angle, brightest, darkest):
    field = light_gradient((5, 8), 0.4, angle)
    assert field[brightest] == field.max() == pytest.approx(1.2)
    assert field[darkest] == field.min() == pytest.approx(0.8)
    assert field.mean() == pytest.approx(1)


def test_a_gradient_is_a_straight_line():
    field = light_gradient((5, 5), 0.5, 0)
    np.testing.assert_allclose(field, np.tile([0.75, 0.875, 1, 1.125, 1.25], (5, 1)))
    assert (light_gradient((1, 1), 0.5) == 1).all()
    assert (light_gradient((5, 8), 0) == 1).all()


def test_shot_noise_has_the_variance_of_photons():
    light = np.repeat(np.array([0.0, 0.1, 1.0], np.float32), 40_000).reshape(3, -1)
    noise = draw_shot_noise(light, 200, rng())
    assert (noise[0] == 0).all()
    assert noise.mean(axis=1) == pytest.approx([0, 0, 0], abs=2e-3)
    assert noise.var(axis=1) == pytest.approx([0, 0.1 / 200, 1 / 200], rel=0.03)
    whole = (light + noise) * 200
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-3)


def test_places_below_dark_have_no_photons_and_stay():
    light = np.full((3, 3), -0.1, np.float32)
    assert (draw_shot_noise(light, 50, rng()) == 0).all()
    found = shift_given(light, ShiftSettings(photons=50), rng())
    np.testing.assert_array_equal(found, light)


def test_read_noise_does_not_ask_how_bright_it_is():
    noise = draw_read_noise((300, 200), 0.05, rng())
    assert noise.shape == (300, 200)
    assert noise.std() == pytest.approx(0.05, rel=0.02)


def test_single_shifts_are_their_own_functions():
    light = image()
    one = {
        "scale": (1.5, magnify(light, 1.5)),
        "gradient": (0.4, light * light_gradient(light.shape, 0.4)),
        "defocus": (2.0, ndimage.gaussian_filter(light, 2.0, mode="reflect")),
        "overexposure": (150, overexposed(light, 150)),
        "photons": (90, light + draw_shot_noise(light, 90, rng(7))),
        "read_noise": (0.1, light + draw_read_noise(light.shape, 0.1, rng(7))),
    }
    for name, (value, expected) in one.items():
        found = shift_given(light, ShiftSettings(**{name: value}), rng(7))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert found.dtype == np.float32


def test_shifts_follow_each_other_in_the_order_of_physics():
    light = image()
    chosen = ShiftSettings(
        scale=1.5, gradient=0.4, gradient_angle=30, defocus=1, overexposure=180, photons=400,
        read_noise=0.01,
    )  # fmt: skip
    by_hand = magnify(light, 1.5) * light_gradient(light.shape, 0.4, 30)
    by_hand = ndimage.gaussian_filter(by_hand, 1, mode="reflect") * np.float32(1.8)
    draws = rng(5)
    by_hand = by_hand + draw_shot_noise(by_hand, 400, draws)
    by_hand = np.minimum(by_hand + draw_read_noise(light.shape, 0.01, draws), 1)
    np.testing.assert_allclose(shift_given(light, chosen, rng(5)), by_hand, atol=1e-6)


def test_saturated_places_show_no_noise():
    bright = np.full((50, 50), 0.9, np.float32)
    found = shift_given(bright, ShiftSettings(overexposure=200, photons=1000), rng())
    assert (found == 1).all()


@pytest.mark.parametrize(
    "nothing",
    [{"scale": 1}, {"gradient": 0}, {"defocus": 0}, {"read_noise": 0}, {"photons": 1e9}],
)
def test_shifts_of_nothing_change_nothing(nothing):
    light = image()
    np.testing.assert_allclose(
        shift_given(light, ShiftSettings(**nothing), rng()), light, atol=5e-4
    )


def test_the_image_that_was_given_is_left_as_it_was():
    light = image()
    kept = light.copy()
    shift_given(light, ShiftSettings(defocus=0, overexposure=300, read_noise=1), rng())
    np.testing.assert_array_equal(light, kept)
