"""One field of spread cells in every modality and stain that is asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import SettingsError
from adaptoscope.images.degradation import (
    FloatImage,
    digitise,
    illumination,
    shot_and_read_noise,
    smooth_field,
)
from adaptoscope.simulation.transmitted.fluorescence import (
    LARGEST_COUNT,
    membrane_light,
    record_stain,
)
from adaptoscope.simulation.transmitted.optics import image_intensity, transmission
from adaptoscope.simulation.transmitted.settings import (
    MODALITIES,
    STAINS,
    CameraSettings,
    Modality,
    TransmittedSettings,
)
from adaptoscope.simulation.transmitted.specimen import draw_spread_cells

# Every image has a source of randomness of its own, so that none depends on which others are made.
_SPECIMEN_STREAM = 1
_STREAMS = {name: number for number, name in enumerate((*MODALITIES, *STAINS), start=2)}


@dataclass(frozen=True)
class TransmittedField:
    """One field of view, and all that is known about it.

    Attributes
    ----------
    views, stains
        From modality or stain to its image, shape (H, W), in [0, 1] of the stored 16 bits.
    points
        Labelled cell centres (row, column) in pixels, shape (N, 2).
    mask
        Label image of the nuclei, shape (H, W); value i + 1 belongs to ``points[i]``.
    """

    views: dict[str, FloatImage]
    stains: dict[str, FloatImage]
    points: NDArray[np.float64]
    mask: NDArray[np.uint16]


def draw_transmitted_field(
    settings: TransmittedSettings,
    seed: int,
    index: int,
    *,
    modalities: Iterable[Modality] = ("phase",),
) -> TransmittedField:
    """Draw one field of view; seed and index are the only source of randomness.

    Equal numbers give equal cells, stains and noise, whichever modalities are asked for.
    """
    asked = checked_modalities(modalities)
    specimen = draw_spread_cells(settings, _stream(seed, index, _SPECIMEN_STREAM))
    optics, pixel = settings.optics, settings.pixel_size_um
    wave = transmission(specimen.opd_um, specimen.absorption, optics.wavelength_um)
    views: dict[str, FloatImage] = {
        name: _record_view(
            image_intensity(wave, name, optics, pixel)[specimen.field],
            settings.camera,
            _stream(seed, index, _STREAMS[name]),
        )
        for name in asked
    }
    sources = {name: _stream(seed, index, _STREAMS[name]) for name in STAINS}
    lights = {
        "dapi": (specimen.dna, settings.dapi),
        "cd29": (membrane_light(settings, specimen, sources["cd29"]), settings.cd29),
    }
    stains = {
        name: _of_full_range(
            record_stain(light, specimen.field, stain, optics, pixel, sources[name])
        )
        for name, (light, stain) in lights.items()
    }
    return TransmittedField(views, stains, specimen.points, specimen.mask)


def checked_modalities(modalities: Iterable[str]) -> tuple[Modality, ...]:
    """Return the modalities that were asked for, if all are known and each is there once."""
    asked = tuple(modalities)
    known = tuple(name for wanted in asked for name in MODALITIES if name == wanted)
    if not asked or known != asked or len(set(asked)) < len(asked):
        raise SettingsError(
            "The modalities cannot be simulated.",
            expected=f"at least one of {', '.join(MODALITIES)}, each once",
            found=", ".join(asked) or "none",
            remedy="correct their names",
        )
    return known


def _record_view(
    intensity: FloatImage, camera: CameraSettings, rng: np.random.Generator
) -> FloatImage:
    """Light the field unevenly and record it, the background at its level of the range."""
    shape = (intensity.shape[0], intensity.shape[1])
    lamp = illumination(
        shape,
        vignette=camera.vignette,
        tilt=(camera.tilt * rng.uniform(-1, 1), camera.tilt * rng.uniform(-1, 1)),
        centre=(rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4)),
    )
    lamp *= 1 + np.float32(camera.unevenness) * smooth_field(shape, max(shape) / 4, rng)
    electrons = np.float32(camera.background_electrons) * lamp * intensity
    read = shot_and_read_noise(electrons, rng, read_noise=camera.read_noise_electrons)
    counts = digitise(
        read,
        counts_per_electron=LARGEST_COUNT * camera.background_level / camera.background_electrons,
        offset=0.0,
        largest_count=LARGEST_COUNT,
    )
    return _of_full_range(counts)


def _of_full_range(counts: NDArray[np.uint16]) -> FloatImage:
    return counts.astype(np.float32) / np.float32(LARGEST_COUNT)


def _stream(seed: int, index: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, index, stream])
