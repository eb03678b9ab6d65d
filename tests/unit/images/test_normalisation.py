import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.images.normalisation import common_range, measure_range


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


def clipped(offset, height, deviation, largest, seed=0):
    """Cells in noise, both in deviations, with the background `offset` above 0 of the camera."""
    counts = np.rint(cells(offset, height, 1, seed) * deviation)
    return np.clip(counts, 0, largest) / largest


STORED = [(1, 255), (3, 255), (20, 65535), (200, 65535)]


@pytest.mark.parametrize(("deviation", "largest"), STORED)
@pytest.mark.parametrize("offset", [0.3, 0, -1, -2, -3])
def test_noise_that_was_clipped_at_zero_is_not_stretched(offset, deviation, largest):
    noise = clipped(offset, 0, deviation, largest)
    assert np.mean(noise == 0) > 0.3

    mapped = measure_range(noise).apply(noise)

    assert np.percentile(mapped, 99.9) < 0.55


@pytest.mark.parametrize(("deviation", "largest"), STORED)
def test_faint_cells_on_a_clipped_background_stay_as_faint_as_they_are(deviation, largest):
    image = clipped(-1, 3, deviation, largest)

    measured = measure_range(image)

    assert measured.high - measured.low > 4 * deviation / largest


@pytest.mark.parametrize(("deviation", "largest"), STORED)
@pytest.mark.parametrize("offset", [0, -1, -3])
def test_bright_cells_on_a_clipped_background_fill_the_range(offset, deviation, largest):
    image = clipped(offset, 50, deviation, largest)

    mapped = measure_range(image).apply(image)

    assert np.percentile(mapped, 99.9) == pytest.approx(1, abs=0.05)


def test_hot_pixels_on_black_do_not_hide_the_cells():
    generator = np.random.default_rng(0)
    image = np.zeros((200, 200))
    for corner in (50, 120):
        part = slice(corner, corner + 20)
        image[part, part] = generator.integers(98, 103, (20, 20)) / 255
    image[tuple(generator.integers(0, 200, (2, 100)))] = 1

    assert measure_range(image).apply(image)[60, 60] == pytest.approx(1, abs=0.05)


def test_other_images_are_measured_as_ever():
    """The bundled weights depend on these numbers."""
    measured = measure_range(np.rint(cells(10, 50, 2)) / 255)

    assert measured.low == 11 / 255
    assert measured.high == pytest.approx(59.53406702785029 / 255, rel=1e-9)


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
