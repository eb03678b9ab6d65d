import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.spectra import bin_frequencies, radial_spectra, spectrum_distance

SIDE = 64


def noise(seed: int, sd: float = 1.0, number: int = 4, side: int = SIDE) -> list[np.ndarray]:
    return list(sd * np.random.default_rng(seed).standard_normal((number, side, side)))


def test_white_noise_has_its_variance_at_every_frequency() -> None:
    spectrum = radial_spectra(noise(0, sd=0.1, number=40)).mean(axis=0)
    # The logarithm of a mean of few coefficients lies below that of the variance.
    np.testing.assert_allclose(spectrum[6:], 10 * np.log10(0.01), atol=0.4)
    assert np.all(np.abs(spectrum + 20) < 1.5)


def test_a_wave_stands_in_the_bin_of_its_frequency() -> None:
    frequencies = bin_frequencies(SIDE)
    for periods in (4, 9, 20):
        wave = np.sin(2 * np.pi * periods * np.arange(SIDE) / SIDE)[None, :] * np.ones((SIDE, 1))
        highest = int(np.argmax(radial_spectra([wave])[0]))
        assert frequencies[highest] == pytest.approx(periods / SIDE, rel=0.2)


@given(st.floats(0.01, 100), st.floats(-5, 5), st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_contrast_is_an_offset_and_brightness_is_nothing(
    factor: float, shift: float, seed: int
) -> None:
    images = noise(seed)
    plain = radial_spectra(images, floor=1e-15)
    changed = radial_spectra([factor * image + shift for image in images], floor=1e-15)
    distance = spectrum_distance(changed, plain)
    assert distance.offset == pytest.approx(20 * np.log10(factor), abs=1e-3)
    assert distance.shape == pytest.approx(0, abs=1e-3)


@given(st.integers(0, 20), st.integers(21, 40))
@settings(max_examples=10, deadline=None)
def test_the_distance_is_that_of_a_metric(one: int, other: int) -> None:
    first, second = radial_spectra(noise(one)), radial_spectra(noise(other, sd=2))
    there, back = spectrum_distance(first, second), spectrum_distance(second, first)
    assert there.total == pytest.approx(back.total)
    assert there.offset == pytest.approx(-back.offset)
    assert there.total**2 == pytest.approx(there.offset**2 + there.shape**2)
    assert spectrum_distance(first, first).total == 0
    assert there.bins == len(bin_frequencies(SIDE))


def test_blur_lowers_the_fine_end_only() -> None:
    from scipy.ndimage import gaussian_filter

    sharp = noise(0, number=10)
    blurred = radial_spectra([gaussian_filter(image, 1.5) for image in sharp])
    difference = (blurred - radial_spectra(sharp)).mean(axis=0)
    assert difference[0] > -1.5
    assert difference[-1] < -20


def test_an_image_without_structure_has_the_floor() -> None:
    assert radial_spectra([np.full((SIDE, SIDE), 0.3)], floor=1e-6) == pytest.approx(-60)


def test_small_images_leave_empty_bins_out() -> None:
    frequencies = bin_frequencies(16, 32)
    assert len(frequencies) < 32
    assert np.all(np.diff(frequencies) > 0)
    assert frequencies[-1] <= 0.5


@pytest.mark.parametrize(
    "images",
    [[], [np.zeros((SIDE, 32))], [np.zeros((8, 8))], [*noise(0, number=1), np.zeros((32, 32))]],
    ids=["none", "oblong", "too small", "two sizes"],
)
def test_images_without_a_common_spectrum_are_refused(images: list[np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"spectrum"):
        radial_spectra(images)


def test_spectra_of_other_bins_are_refused() -> None:
    with pytest.raises(InputError, match="same bins"):
        spectrum_distance(np.zeros((3, 16)), np.zeros((3, 12)))
