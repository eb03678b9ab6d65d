import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.images.appearance import FEATURES, Appearance, measure_appearance
from adaptoscope.images.degradation import illumination
from adaptoscope.images.resampling import scaled

DIAMETER = 16.0


def field(
    side: int = 256, cells: int = 40, noise: float = 0.01, softness: float = 1.5, seed: int = 0
) -> np.ndarray:
    """Draw discs of 16 pixels with soft borders on noise."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    image = np.full((side, side), 0.1)
    for row, column in generator.uniform(10, side - 10, (cells, 2)):
        distance = np.hypot(rows - row, columns - column)
        image = np.maximum(image, 0.1 + 0.5 / (1 + np.exp((distance - DIAMETER / 2) / softness)))
    return (image + generator.normal(0, noise, image.shape)).astype(np.float32)


def values(appearance: Appearance) -> np.ndarray:
    return np.array(dataclasses.astuple(appearance))


def test_exposure_does_not_matter() -> None:
    pixels = field()
    dimmed = 0.3 * pixels + np.float32(0.05)
    found, expected = (values(measure_appearance(each, DIAMETER)) for each in (dimmed, pixels))
    np.testing.assert_allclose(found, expected, rtol=0.02)


def test_magnification_hardly_matters_to_what_does_not_depend_on_the_grain() -> None:
    pixels = field(noise=0.0)
    change = scaled(pixels.shape, 2.0)
    enlarged = change.part(pixels, 0, 0, *change.new_shape)
    found, expected = (
        measure_appearance(enlarged, 2 * DIAMETER),
        measure_appearance(pixels, DIAMETER),
    )
    assert found.sharpness == pytest.approx(expected.sharpness, rel=0.1)
    assert found.covered == pytest.approx(expected.covered, rel=0.05)
    assert found.skewness == pytest.approx(expected.skewness, rel=0.05)


def test_noise_is_found_as_a_share_of_the_contrast() -> None:
    much, little = (measure_appearance(field(noise=n), 12.0).noise for n in (0.02, 0.01))
    assert much == pytest.approx(2 * little, rel=0.05)
    # The contrast is a little below the height of the cells, whose soft borders count.
    assert 0.02 / 0.5 < much < 1.5 * 0.02 / 0.5


def test_blur_softens_the_borders_only() -> None:
    sharp = measure_appearance(field(), DIAMETER)
    soft = measure_appearance(ndimage.gaussian_filter(field(), 3), DIAMETER)
    assert soft.sharpness < 0.75 * sharp.sharpness
    assert soft.unevenness < 0.1


def test_more_cells_cover_more() -> None:
    few, many = (measure_appearance(field(cells=n), DIAMETER) for n in (10, 60))
    assert many.covered > 3 * few.covered
    assert many.skewness < few.skewness


def test_uneven_light_is_seen_in_the_background() -> None:
    lamp = illumination((256, 256), vignette=0.5)
    even, uneven = (
        measure_appearance(field(), DIAMETER),
        measure_appearance((field() + 0.3) * lamp, DIAMETER),
    )
    assert uneven.unevenness > 3 * even.unevenness


def test_noise_alone_shows_no_cell() -> None:
    found = measure_appearance(field(cells=0), DIAMETER)
    assert found.covered == 0.0
    assert np.isnan(found.sharpness)
    assert found.noise == pytest.approx(0.1)


def test_a_constant_image_has_an_appearance() -> None:
    found = measure_appearance(np.full((64, 64), 0.2, np.float32), DIAMETER)
    assert (found.noise, found.covered, found.skewness) == (0.0, 0.0, 0.0)
    assert np.isfinite(found.as_features()[[0, 2, 3, 4]]).all()


def test_a_large_image_is_judged_by_parts_that_reach_into_every_quarter() -> None:
    pixels = field(side=640, cells=250)
    whole = measure_appearance(pixels, 12.0)
    assert whole.covered == pytest.approx(measure_appearance(field(), 12.0).covered, rel=0.5)
    for rows in (slice(0, 320), slice(320, None)):
        for columns in (slice(0, 320), slice(320, None)):
            changed = pixels.copy()
            changed[rows, columns] = 0.1
            assert measure_appearance(changed, 12.0).covered < whole.covered


def test_features_are_named_in_their_order() -> None:
    appearance = Appearance(0.0, 1.0, 0.0, 0.0, 2.0)
    features = dict(zip(FEATURES, appearance.as_features(), strict=True))
    assert features["sharpness"] == 0.0
    assert features["skewness"] == pytest.approx(np.arcsinh(2.0))


@pytest.mark.parametrize(
    ("pixels", "diameter"),
    [
        (np.zeros((4, 4, 3)), 5.0),
        (np.zeros((0, 4)), 5.0),
        (np.zeros((32, 32)), 0.0),
        (np.zeros((32, 32)), np.nan),
        (np.full((32, 32), np.nan), 5.0),
    ],
)
def test_what_cannot_be_measured_is_refused(pixels: np.ndarray, diameter: float) -> None:
    with pytest.raises(InputError, match=r"appearance"):
        measure_appearance(pixels.astype(np.float32), diameter)
