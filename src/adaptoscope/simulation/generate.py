"""Simulated fields with truth, one at a time or as a counted-image folder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.degradation import FloatImage
from adaptoscope.simulation.layout import NucleusPlaces, nuclei_at, place_nuclei
from adaptoscope.simulation.nuclei import add_debris, draw_specimen
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.wide_field import expected_electrons, record


@dataclass(frozen=True)
class SimulatedField:
    """One image of the invented microscope and all that is known about it.

    Attributes
    ----------
    pixels
        Shape (H, W), in [0, 1] of the full range of the stored file.
    points
        Labelled cell centres (row, column) in pixels, shape (N, 2).
    mask
        Label image, shape (H, W); value i + 1 belongs to ``points[i]``.
    electrons
        Expected electrons per pixel without noise, shape (H, W).
    """

    pixels: FloatImage
    points: NDArray[np.float64]
    mask: NDArray[np.uint16]
    electrons: FloatImage
    bit_depth: int


def draw_field(
    settings: SimulationSettings,
    rng: np.random.Generator,
    *,
    brightness_factor: float = 1.0,
    density_factor: float = 1.0,
    places: NucleusPlaces | None = None,
) -> SimulatedField:
    """Draw one field of view; equal settings and generator state give equal fields.

    Where `places` of nuclei are given, density, sizes and clustering of the settings do not count.
    """
    if places is None:
        table = place_nuclei(settings, rng, density_factor=density_factor)
    else:
        table = nuclei_at(settings, places, rng)
    specimen = draw_specimen(settings, table, rng)
    light = add_debris(specimen.light, settings, rng)
    electrons = expected_electrons(light, settings, rng, brightness_factor=brightness_factor)
    counts = record(electrons, settings, rng)
    full_range = np.float32(2**settings.bit_depth - 1)
    return SimulatedField(
        pixels=counts.astype(np.float32) / full_range,
        points=specimen.points,
        mask=specimen.mask,
        electrons=electrons,
        bit_depth=settings.bit_depth,
    )
