"""An invented wide-field fluorescence microscope: from a specimen's light to stored counts."""

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.degradation import (
    FloatImage,
    blur,
    blur_with_halo,
    digitise,
    illumination,
    shot_and_read_noise,
    smooth_field,
)
from adaptoscope.simulation.settings import SimulationSettings


def expected_electrons(
    light: FloatImage,
    settings: SimulationSettings,
    rng: np.random.Generator,
    *,
    brightness_factor: float = 1.0,
) -> FloatImage:
    """Form the image of a specimen's light (1 = middle of a typical nucleus) before any noise."""
    shape = (light.shape[0], light.shape[1])
    lamp = illumination(
        shape,
        vignette=settings.vignette,
        tilt=(settings.tilt * rng.uniform(-1, 1), settings.tilt * rng.uniform(-1, 1)),
        centre=(rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4)),
    )
    stained = light
    if settings.cytoplasm > 0:
        stained = light + np.float32(settings.cytoplasm) * _cytoplasm(light, settings, rng)
    seen = blur_with_halo(
        stained,
        settings.psf_sigma_px,
        halo_sigma=settings.halo_diameters * settings.cell_diameter_px,
        halo_weight=settings.halo_weight,
    )
    haze = smooth_field(shape, max(shape) / 3, rng)
    background = 1 + np.float32(settings.background_variation) * haze
    electrons = lamp * (
        np.float32(settings.nucleus_electrons * brightness_factor) * seen
        + np.float32(settings.background_electrons) * np.maximum(background, 0)
    )
    return np.asarray(np.maximum(electrons, 0), dtype=np.float32)


def record(
    electrons: FloatImage, settings: SimulationSettings, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Record expected electrons per pixel with an invented camera."""
    read = shot_and_read_noise(
        electrons,
        rng,
        read_noise=settings.read_noise_electrons,
        row_noise=settings.row_noise_electrons,
    )
    number = rng.poisson(settings.hot_pixels_per_mpx * electrons.size * 1e-6)
    places = rng.integers(0, electrons.size, number)
    excess = rng.exponential(0.5 * settings.nucleus_electrons, number)
    read.ravel()[places] += excess.astype(np.float32)
    return digitise(
        read,
        counts_per_electron=settings.counts_per_electron,
        offset=settings.offset_counts,
        largest_count=settings.largest_count,
    )


def _cytoplasm(
    light: FloatImage, settings: SimulationSettings, rng: np.random.Generator
) -> FloatImage:
    """Faint uneven light around nuclei, as wide as a cell body."""
    body = blur(np.minimum(light, 1.5), 0.6 * settings.cell_diameter_px)
    patches = smooth_field((light.shape[0], light.shape[1]), settings.cell_diameter_px, rng)
    return np.asarray((body * np.maximum(1 + 0.5 * patches, 0)), dtype=np.float32)
