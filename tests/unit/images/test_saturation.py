import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.images.saturation import clipped_shares


def noisy_cells(scale: float = 1.0, bits: int = 8) -> np.ndarray:
    """A smooth hill with noise, in whole counts of a container."""
    rows, columns = np.mgrid[:96, :96]
    hill = np.exp(-((rows - 48) ** 2 + (columns - 48) ** 2) / 800)
    noise = np.random.default_rng(0).normal(0, 0.01, hill.shape)
    counts = 2**bits - 1
    stored = np.rint(np.clip(0.1 + 0.5 * scale * hill + noise, 0, 1) * counts)
    return (stored / counts).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_well_exposed_image_is_not_clipped(bits: int) -> None:
    found = clipped_shares(noisy_cells(bits=bits))
    assert (found.dark, found.bright) == (0.0, 0.0)


def test_pixels_at_the_end_of_the_range_are_counted() -> None:
    pixels = noisy_cells(scale=3.0)
    assert clipped_shares(pixels).bright == pytest.approx(np.mean(pixels == 1))
    assert clipped_shares(pixels).bright > 0.05


def test_a_camera_of_12_bits_in_a_file_of_16_saturates_below_the_end() -> None:
    pixels = noisy_cells(scale=3.0, bits=12) * np.float32(4095 / 65535)
    assert clipped_shares(pixels).bright == pytest.approx(np.mean(pixels == pixels.max()))
    assert clipped_shares(pixels).bright > 0.05


def test_a_dim_image_of_few_counts_is_not_clipped() -> None:
    assert clipped_shares(noisy_cells() * np.float32(12 / 255)).bright == 0.0
    coarse = np.rint(noisy_cells() * 12).astype(np.float32) / 255
    assert clipped_shares(coarse).bright == 0.0


def test_dark_pixels_are_those_at_zero() -> None:
    pixels = noisy_cells()
    pixels[:24] = 0
    assert clipped_shares(pixels).dark == pytest.approx(0.25)


def test_a_constant_image_is_clipped_only_at_an_end() -> None:
    assert clipped_shares(np.full((8, 8), 0.4, np.float32)).bright == 0.0
    assert clipped_shares(np.ones((8, 8), np.float32)).bright == 1.0
    assert clipped_shares(np.zeros((8, 8), np.float32)).dark == 1.0


@pytest.mark.parametrize("pixels", [np.zeros((0, 4)), np.full((4, 4), np.nan)])
def test_what_cannot_be_measured_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match="saturation"):
        clipped_shares(pixels)
