"""Partially coherent imaging summed point by point over a dense condenser, in double precision.

Slow and simple on purpose. It is the reference with which the package's few source points must
agree, and against which its speed is given.
"""

import numpy as np
from numpy.typing import NDArray

from adaptoscope.simulation.transmitted.settings import Modality, OpticsSettings


def abbe_plain(
    wave: NDArray[np.complexfloating],
    modality: Modality,
    optics: OpticsSettings,
    pixel_size_um: float,
    across: int = 21,
) -> NDArray[np.float64]:
    """Form the image of a thin object, relative to that of an empty field.

    Parameters
    ----------
    wave
        Transmission of the object, shape (H, W).
    modality
        What is looked at.
    optics
        Objective and condenser; the number of source points is not used.
    pixel_size_um
        Side of a pixel in micrometres.
    across
        Points of a square grid along the diameter of the condenser's aperture, of which those in
        the aperture send light.

    Returns
    -------
    numpy.ndarray
        Intensity, shape (H, W), 1 where there is no object.
    """
    rows = optics.wavelength_um * np.fft.fftfreq(wave.shape[0], pixel_size_um)[:, None]
    columns = optics.wavelength_um * np.fft.fftfreq(wave.shape[1], pixel_size_um)[None, :]
    spectrum = np.fft.fft2(wave.astype(np.complex128))
    total, empty = np.zeros(wave.shape), 0.0
    for row, column in _source(modality, optics, across):
        seen = np.fft.ifft2(spectrum * _pupil(rows + row, columns + column, modality, optics))
        total += np.abs(seen) ** 2
        unbent = _pupil(np.array(row), np.array(column), modality, optics)
        empty += float(np.abs(unbent) ** 2)
    return total / empty


def _source(modality: Modality, optics: OpticsSettings, across: int) -> list[tuple[float, float]]:
    """Directions of light as sines along rows and columns."""
    half = optics.ring_width_na / 4
    inner, outer = (
        (optics.ring_na - half, optics.ring_na + half)
        if modality == "phase"
        else (0.0, optics.condenser_na)
    )
    steps = np.linspace(-outer, outer, across)
    return [
        (float(row), float(column))
        for row in steps
        for column in steps
        if inner <= np.hypot(row, column) <= outer
    ]


def _pupil(
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    modality: Modality,
    optics: OpticsSettings,
) -> NDArray[np.complex128]:
    sine = np.hypot(row, column)
    seen = (sine <= optics.objective_na).astype(np.complex128)
    if modality == "phase":
        in_ring = np.abs(sine - optics.ring_na) <= optics.ring_width_na / 2
        delayed = np.exp(-0.5j * np.pi) * np.sqrt(optics.ring_transmission)
        return np.where(in_ring, delayed * seen, seen)
    if modality == "defocused":
        axial = np.sqrt(np.maximum(optics.medium_index**2 - sine**2, 0))
        turns = optics.defocus_um * (axial - optics.medium_index) / optics.wavelength_um
        return seen * np.exp(2j * np.pi * turns)
    return seen
