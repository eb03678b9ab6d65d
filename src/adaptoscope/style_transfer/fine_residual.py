"""The fine noise that the autoencoder cannot carry, measured on a style image and drawn anew.

An autoencoder that shrinks an image eightfold returns it smoother than it was. The difference, seen
on the style image itself, has a strength that depends on brightness and a spectrum that shows how
it is correlated, camera rows included. Both are measured once and drawn again for every output.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from adaptoscope.images.medians import robust_deviation

# Pixels: the side of the smallest style image. Part of the style format.
WINDOW = 64
# Quantiles of brightness, as noise grows with the signal. Part of the style format.
LEVELS = 8
# Deviations: edges that the autoencoder moved must not count as noise.
_CLIP = 4.0


@dataclass(frozen=True)
class FineResidual:
    """Strength and spectrum of what the autoencoder lost, in the backbone's intensity units.

    Parameters
    ----------
    levels, strengths
        Brightness of the rebuilt image, rising, and the standard deviation of the residual there,
        shape (8,) each.
    spectrum
        Power at the frequencies of a 64 x 64 Fourier transform, mean 1, shape (64, 64).
    """

    levels: NDArray[np.float32]
    strengths: NDArray[np.float32]
    spectrum: NDArray[np.float32]


def measure_residual(image: NDArray[np.float32], rebuilt: NDArray[np.float32]) -> FineResidual:
    """Measure what the autoencoder lost of an image, shape (H, W), sides of at least 64."""
    residual = (image - rebuilt).astype(np.float64)
    edges = np.quantile(rebuilt, np.linspace(0, 1, LEVELS + 1))
    bins = np.clip(np.searchsorted(edges[1:-1], rebuilt, side="right"), 0, LEVELS - 1)
    levels, strengths = np.zeros(LEVELS), np.zeros(LEVELS)
    for level in range(LEVELS):
        inside = bins == level
        if not inside.any():
            inside = np.ones_like(inside)
        levels[level] = np.median(rebuilt[inside])
        strengths[level] = robust_deviation(residual[inside])
    levels = np.maximum.accumulate(levels)
    scale = np.maximum(np.interp(rebuilt, levels, strengths), 1e-6)
    standard = np.clip(residual / scale, -_CLIP, _CLIP)
    return FineResidual(
        levels.astype(np.float32), strengths.astype(np.float32), _spectrum(standard)
    )


def draw_residual(
    residual: FineResidual, image: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw fresh noise of the measured strength and spectrum, to be added to an image (H, W)."""
    height, width = image.shape
    kernel = np.fft.fftshift(np.real(np.fft.ifft2(np.sqrt(residual.spectrum.astype(np.float64)))))
    white = rng.standard_normal((height + WINDOW - 1, width + WINDOW - 1))
    field = signal.fftconvolve(white, kernel, mode="valid")
    strength = np.interp(ndimage.gaussian_filter(image, 0.5), residual.levels, residual.strengths)
    noise: NDArray[np.float32] = (field * strength).astype(np.float32)
    return noise


def _spectrum(standard: NDArray[np.float64]) -> NDArray[np.float32]:
    """Average the power over half-overlapping windows and scale it to mean 1."""
    hann = np.outer(*(np.hanning(WINDOW + 2)[1:-1],) * 2)
    power = np.zeros((WINDOW, WINDOW))
    step = WINDOW // 2
    for top in range(0, standard.shape[0] - WINDOW + 1, step):
        for left in range(0, standard.shape[1] - WINDOW + 1, step):
            window = standard[top : top + WINDOW, left : left + WINDOW]
            power += np.abs(np.fft.fft2((window - window.mean()) * hann)) ** 2
    total = power.mean()
    flat = np.ones_like(power)
    spectrum: NDArray[np.float32] = (power / total if total > 0 else flat).astype(np.float32)
    return spectrum
