"""Partially coherent imaging of a thin object: bright field, defocus and phase contrast.

Each point of the condenser's aperture sends a plane wave through the object; the objective cuts
its spectrum off and shifts it in phase, and the intensities of all points add up (Abbe). Halo and
shade-off of phase contrast come about by themselves, as a ring that has a width also shifts light
that a broad object has bent a little.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from adaptoscope.images.degradation import FloatImage
from adaptoscope.simulation.transmitted.settings import Modality, OpticsSettings

ComplexImage = NDArray[np.complex64]

# The golden ratio spreads points most evenly, however many there are.
_GOLDEN = (np.sqrt(5) - 1) / 2


def transmission(opd_um: FloatImage, absorption: FloatImage, wavelength_um: float) -> ComplexImage:
    """Return what a thin object does to the wave that passes it: ``exp(i * phase - absorption)``.

    The phase is 2 pi `opd_um` / wavelength, with the optical path beyond that of the medium;
    absorption is the loss of amplitude as a natural logarithm.
    """
    phase = opd_um * np.float32(2 * np.pi / wavelength_um)
    loss = np.exp(-absorption)
    wave = np.empty(phase.shape, dtype=np.complex64)
    wave.real = loss * np.cos(phase)
    wave.imag = loss * np.sin(phase)
    return wave


def image_intensity(
    wave: ComplexImage, modality: Modality, optics: OpticsSettings, pixel_size_um: float
) -> FloatImage:
    """Form the image of a thin object, relative to that of an empty field.

    The object, shape (H, W), is taken as repeated beyond its borders; intensities are those in the
    middles of the pixels. In positive phase contrast the ring delays the light that the object has
    not bent by a quarter wave less, so that a longer optical path is darker; paths of more than
    about an eighth of the wavelength turn bright again, as they do in a real microscope.
    """
    shape = (wave.shape[0], wave.shape[1])
    objective = pupil(shape, modality, optics, pixel_size_um)
    spectrum = fft.fft2(wave)
    total = np.zeros((shape[0], 2 * shape[1]), dtype=np.float32)
    empty = 0.0
    for row, column in source_steps(shape, modality, optics, pixel_size_um):
        passed = np.roll(spectrum, (row, column), axis=(0, 1))
        passed *= objective
        parts = fft.ifft2(passed, overwrite_x=True).view(np.float32)
        parts *= parts
        total += parts
        empty += float(abs(objective[row, column]) ** 2)
    summed = total[:, ::2] + total[:, 1::2]
    return np.asarray(summed / np.float32(empty), dtype=np.float32)


@lru_cache(maxsize=8)
def pupil(
    shape: tuple[int, int], modality: Modality, optics: OpticsSettings, pixel_size_um: float
) -> ComplexImage:
    """Return the transmission of the objective's pupil, in the order of a discrete spectrum.

    Shape (H, W), read-only; 0 beyond the objective's aperture. ``phase`` has the phase ring,
    ``defocused`` the phase of a focal plane elsewhere.
    """
    rows = fft.fftfreq(shape[0], pixel_size_um)[:, None]
    columns = fft.fftfreq(shape[1], pixel_size_um)[None, :]
    aperture = optics.wavelength_um * np.hypot(rows, columns)
    seen = (aperture <= optics.objective_na).astype(np.complex128)
    if modality == "phase":
        ring = np.abs(aperture - optics.ring_na) <= optics.ring_width_na / 2
        seen[ring] *= -1j * np.sqrt(optics.ring_transmission)
    elif modality == "defocused":
        axial = np.sqrt(np.maximum(optics.medium_index**2 - aperture**2, 0))
        path = optics.defocus_um * (axial - optics.medium_index)
        seen *= np.exp(2j * np.pi / optics.wavelength_um * path)
    stored: ComplexImage = seen.astype(np.complex64)
    stored.flags.writeable = False
    return stored


@lru_cache(maxsize=8)
def source_steps(
    shape: tuple[int, int], modality: Modality, optics: OpticsSettings, pixel_size_um: float
) -> tuple[tuple[int, int], ...]:
    """Return the points of the condenser's aperture, as steps of the discrete spectrum.

    Steps along rows and columns, each point with the one opposite, evenly over the area: an annulus
    for ``phase``, a disc for the others.
    """
    half = optics.source_points // 2
    count = np.arange(half)
    if modality == "phase":
        # Even in angle, scattered over the width.
        angle = np.pi * (count + 0.25) / half
        across = (count * _GOLDEN + 0.5) % 1 - 0.5
        radius = optics.ring_na + optics.ring_width_na / 2 * across
    else:
        angle = np.pi * _GOLDEN * count
        radius = optics.condenser_na * np.sqrt((count + 0.5) / half)
    plane = np.stack([np.sin(angle), np.cos(angle)], axis=1) * radius[:, None]
    steps = plane / optics.wavelength_um * pixel_size_um * np.array(shape)
    rounded = np.rint(np.concatenate([steps, -steps])).astype(int)
    return tuple((int(row), int(column)) for row, column in rounded)
