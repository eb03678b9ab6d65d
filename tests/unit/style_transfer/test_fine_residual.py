import numpy as np
import pytest
from scipy import ndimage

from adaptoscope.style_transfer.fine_residual import draw_residual, measure_residual


def ramp() -> np.ndarray:
    return np.tile(np.linspace(-1, 1, 192, dtype=np.float32), (192, 1))


def test_strength_follows_brightness() -> None:
    rng = np.random.default_rng(0)
    rebuilt = ramp()
    strength = 0.02 + 0.05 * (rebuilt + 1)
    noisy = (rebuilt + strength * rng.standard_normal(rebuilt.shape)).astype(np.float32)
    residual = measure_residual(noisy, rebuilt)
    np.testing.assert_allclose(residual.strengths, 0.02 + 0.05 * (residual.levels + 1), rtol=0.12)


@pytest.mark.parametrize("correlated", [False, True])
def test_fresh_noise_has_the_measured_strength_and_spectrum(correlated: bool) -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((256, 256))
    if correlated:
        noise = ndimage.gaussian_filter(noise, (0, 1.5))
    noise = 0.05 * noise / noise.std()
    rebuilt = np.zeros((256, 256), np.float32)
    residual = measure_residual(noise.astype(np.float32), rebuilt)
    fresh = draw_residual(residual, np.zeros((200, 230), np.float32), rng)
    assert fresh.shape == (200, 230)
    assert fresh.std() == pytest.approx(0.05, rel=0.1)

    def neighbours(field: np.ndarray, axis: int) -> float:
        moved = np.roll(field, 1, axis)
        return float(np.corrcoef(field.ravel(), moved.ravel())[0, 1])

    for axis in (0, 1):
        assert neighbours(fresh, axis) == pytest.approx(neighbours(noise, axis), abs=0.08)


def test_a_perfect_autoencoder_leaves_nothing_to_add() -> None:
    image = ramp()
    residual = measure_residual(image, image)
    assert not draw_residual(residual, image, np.random.default_rng(2)).any()
