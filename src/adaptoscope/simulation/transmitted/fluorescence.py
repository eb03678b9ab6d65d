"""The same spread cells in two fluorescence stains: DNA, and membrane."""

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.degradation import (
    FloatImage,
    blur_with_halo,
    digitise,
    illumination,
    shot_and_read_noise,
    smooth_field,
)
from adaptoscope.simulation.transmitted.settings import (
    OpticsSettings,
    StainSettings,
    TransmittedSettings,
)
from adaptoscope.simulation.transmitted.specimen import TransmittedSpecimen

# Of the 16 bits that are stored.
LARGEST_COUNT = 65535

_GAUSSIAN_WIDTH = 0.225
"""Standard deviation of the Gaussian nearest to a wide-field point spread function, in wavelengths
over apertures (Zhang, Zerubia and Olivo-Marin 2007, Applied Optics 46, 1819)."""


def membrane_light(
    settings: TransmittedSettings, specimen: TransmittedSpecimen, rng: np.random.Generator
) -> FloatImage:
    """Return the light of the membrane stain on the canvas, before any optics; 1 = one flat sheet.

    Below each pixel of a cell lie a flat sheet and one that follows its surface, the larger the
    steeper it is; and a store around the nucleus that fades outwards and is weaker above it.
    """
    stain, bodies = settings.cd29, specimen.bodies
    down, right = np.gradient(specimen.thickness_um, np.float32(settings.pixel_size_um))
    steepness = np.sqrt(1 + down * down + right * right) - 1
    sheets = 2 + np.float32(stain.steepness_gain) * steepness
    away = bodies.from_nucleus
    fading = np.exp(-np.maximum(away - 1, 0) / np.float32(stain.perinuclear_reach))
    left = np.float32(stain.above_nucleus)
    above = left + (1 - left) * np.minimum(away, 1) ** 4
    side = 1 + np.float32(stain.one_sidedness) * bodies.store
    store = np.float32(stain.perinuclear) * fading * above * side
    light: FloatImage = (sheets + store) * _granular(settings, specimen, rng)
    return light


def _granular(
    settings: TransmittedSettings, specimen: TransmittedSpecimen, rng: np.random.Generator
) -> FloatImage:
    """Factor on the membrane stain: 0 outside cells, granular inside, by cell."""
    stain, bodies = settings.cd29, specimen.bodies
    shape = (bodies.inside_px.shape[0], bodies.inside_px.shape[1])
    strengths = np.exp(stain.expression_spread * rng.standard_normal(int(bodies.owner.max()) + 1))
    of_cell = np.repeat(
        np.repeat(strengths.astype(np.float32)[bodies.owner], bodies.step, 0), bodies.step, 1
    )
    fine = smooth_field(shape, 1.2 / settings.pixel_size_um, rng)
    coarse = smooth_field(shape, 3.5 / settings.pixel_size_um, rng)
    grains = np.exp(np.float32(0.7 * stain.granularity) * (fine + coarse))
    within = np.clip(bodies.inside_px + np.float32(0.5), 0, 1)
    return np.asarray(within * grains * of_cell[: shape[0], : shape[1]], dtype=np.float32)


def record_stain(
    light: FloatImage,
    field: tuple[slice, slice],
    stain: StainSettings,
    optics: OpticsSettings,
    pixel_size_um: float,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Image the light of a stain on the canvas through the objective and record its field."""
    sigma = _GAUSSIAN_WIDTH * stain.emission_um / optics.objective_na / pixel_size_um
    seen = blur_with_halo(
        light, sigma, halo_sigma=stain.halo_um / pixel_size_um, halo_weight=stain.halo_share
    )[field]
    shape = (seen.shape[0], seen.shape[1])
    haze = 1 + np.float32(stain.background_variation) * smooth_field(shape, max(shape) / 3, rng)
    lamp = illumination(
        shape,
        vignette=stain.vignette,
        centre=(rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)),
    )
    electrons = lamp * (
        np.float32(stain.signal_electrons) * seen
        + np.float32(stain.background_electrons) * np.maximum(haze, 0)
    )
    read = shot_and_read_noise(electrons, rng, read_noise=stain.read_noise_electrons)
    gain = LARGEST_COUNT / stain.full_scale_electrons
    return digitise(
        read,
        counts_per_electron=gain,
        offset=gain * stain.offset_electrons,
        largest_count=LARGEST_COUNT,
    )
