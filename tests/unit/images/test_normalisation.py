import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from adaptoscope.errors import InputError
from adaptoscope.images.normalisation import IntensityRange, common_range, measure_range


def cells(background, height, noise, seed=0):
    generator = np.random.default_rng(seed)
    image = np.zeros((200, 200))
    image[tuple(generator.integers(10, 190, (2, 30)))] = 1
    image = gaussian_filter(image, 4) * 2 * np.pi * 16
    return background + height * np.minimum(image, 1) + generator.normal(0, noise, image.shape)


@pytest.mark.parametrize(("background", "height"), [(0.02, 0.2), (0.3, 0.6), (0.001, 0.01)])
def test_dark_and_bright_images_land_in_one_range(background, height):
    image = cells(background, height, 0.01 * height)

    mapped = measure_range(image).apply(image)

    assert np.median(mapped) == pytest.approx(0, abs=0.05)
    assert np.percentile(mapped, 99.9) == pytest.approx(1, abs=0.1)


def test_noise_without_cells_stays_small():
    noise = np.random.default_rng(0).normal(0.1, 0.02, (200, 200))

    mapped = measure_range(noise).apply(noise)

    assert np.percentile(mapped, 99.9) < 0.5


def test_stored_steps_of_a_dark_background_are_not_stretched():
    image = np.random.default_rng(0).integers(3, 5, (200, 200)) / 255

    assert measure_range(image).high - measure_range(image).low > 2.5 / 255


def test_a_constant_image_becomes_zero():
    flat = np.full((20, 20), 0.7, dtype=np.float32)

    assert np.array_equal(measure_range(flat).apply(flat), np.zeros((20, 20)))


def test_debris_is_clipped():
    assert IntensityRange(0, 0.1).apply(np.array([0.0, 0.05, 9.0])).tolist() == [0.0, 0.5, 4.0]


def test_the_common_range_is_the_middle_one():
    ranges = [IntensityRange(0, 1), IntensityRange(1, 3), IntensityRange(2, 8)]

    assert common_range(ranges) == IntensityRange(1, 3)


@pytest.mark.parametrize("wrong", [np.zeros((0, 3)), np.full((4, 4), np.inf), np.zeros(5)])
def test_unusable_images_are_refused(wrong):
    with pytest.raises(InputError):
        measure_range(wrong)
    with pytest.raises(InputError):
        common_range([])
