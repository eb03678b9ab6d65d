import numpy as np
import pytest
from scipy import ndimage

from adaptoscope.adaptation.restyling import mean_spectrum
from adaptoscope.adaptation.shifts.camera_noise import finest_variance, noise_floor, noise_to_add

FREQUENCIES = (np.arange(48) + 0.5) / 96


def noisy(sigma: float, number: int = 4, side: int = 128) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(0.5, sigma, (side, side)).astype(np.float32) for _ in range(number)]


def points(seed: int) -> np.ndarray:
    """Granules smaller than a pixel on an empty background."""
    rng = np.random.default_rng(seed)
    image = np.zeros((128, 128), dtype=np.float32)
    image[tuple(rng.integers(0, 128, (2, 300)))] = 0.5
    return np.asarray(image + rng.normal(0.2, 0.002, image.shape), dtype=np.float32)


@pytest.mark.parametrize("exponent", [2, 4])
def test_noise_is_the_part_of_a_spectrum_that_does_not_fall(exponent: int) -> None:
    structure = FREQUENCIES**-exponent
    assert noise_floor(FREQUENCIES, structure) < 1e-6 * structure[-1]
    assert noise_floor(FREQUENCIES, structure + 5) == pytest.approx(5, rel=1e-6)


def test_white_noise_is_all_noise() -> None:
    images = noisy(0.02)
    assert noise_floor(*mean_spectrum(images, "target")) == pytest.approx(0.02**2, rel=0.1)
    assert finest_variance(images) == pytest.approx(0.02**2, rel=0.05)


def test_granules_are_no_noise() -> None:
    images = [points(seed) for seed in range(4)]
    assert noise_floor(*mean_spectrum(images, "target")) > 50 * 0.002**2
    assert finest_variance(images) == pytest.approx(0.002**2, rel=0.3)


def test_blurred_images_have_no_finest_detail() -> None:
    blurred = [ndimage.gaussian_filter(image, 2) for image in noisy(0.02)]
    assert finest_variance(blurred) < 1e-3 * 0.02**2
    assert finest_variance([np.ones((1, 5), dtype=np.float32)]) == 0


def test_what_the_source_brings_along_is_not_added() -> None:
    structure = FREQUENCIES**-3
    own, target = structure[-1], 10 * structure[-1]

    def added(gain: float) -> float:
        return noise_to_add(structure + own, gain * structure + target, own, target)

    assert added(1.0) == pytest.approx(target - own)
    # Stronger contrast amplifies the noise of the source too.
    assert added(4.0) == pytest.approx(target - 4 * own)
    assert added(20.0) == 0
    # Weaker structure may mean fewer cells, and leaves the noise of the source as it is.
    assert added(0.25) == pytest.approx(target - own)
    assert noise_to_add(structure + own, 0.25 * structure + own, own, own) == 0


def test_where_all_is_noise_nothing_is_added() -> None:
    flat = np.ones(48)
    assert noise_to_add(flat, 5 * flat, 1.0, 5.0) == 0
