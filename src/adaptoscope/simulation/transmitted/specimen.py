"""The invented spread cells: how thick they are, what they do to light, and the truth."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from adaptoscope.images.degradation import FloatImage, smooth_field
from adaptoscope.simulation.layout import place_nuclei
from adaptoscope.simulation.nuclei import Specimen, draw_specimen
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.transmitted.bodies import BodyMaps, draw_bodies, place_bodies
from adaptoscope.simulation.transmitted.granules import draw_debris, draw_granules
from adaptoscope.simulation.transmitted.settings import TransmittedSettings

_NUCLEAR_RISE = 1.4
"""Distance in nuclear radii at which the hill of a cell is half as high as in its middle."""

# Distances from a cell's border over which lamella and hill rise, by eye; and places per pixel at
# which fibres are drawn, so that none has steps.
_BORDER_RISE_UM = 0.9
_HILL_RISE_UM = 3.0
_STEPS_PER_PIXEL = 8


@dataclass(frozen=True)
class TransmittedSpecimen:
    """Spread cells on a canvas, shape (H', W'), that is larger than the field by a margin.

    Attributes
    ----------
    opd_um
        Optical path beyond that of the medium in micrometres; fades to 0 in the margin.
    absorption
        Loss of amplitude as a natural logarithm.
    thickness_um
        Thickness of the cells in micrometres, 0 outside them.
    dna
        DNA in units of the middle of a typical nucleus.
    points
        Labelled cell centres (row, column) in pixels of the field, shape (N, 2).
    mask
        Label image of the nuclei, shape (H, W); value i + 1 belongs to ``points[i]``.
    field
        Where the field lies on the canvas.
    """

    opd_um: FloatImage
    absorption: FloatImage
    thickness_um: FloatImage
    bodies: BodyMaps
    dna: FloatImage
    points: NDArray[np.float64]
    mask: NDArray[np.uint16]
    field: tuple[slice, slice]


def draw_spread_cells(
    settings: TransmittedSettings, rng: np.random.Generator
) -> TransmittedSpecimen:
    """Draw the cells of one field."""
    shape = canvas_shape(settings)
    field = (
        slice(settings.margin_px, settings.margin_px + settings.height),
        slice(settings.margin_px, settings.margin_px + settings.width),
    )
    nuclear = nuclei_settings(settings, shape)
    table = place_nuclei(nuclear, rng)
    nuclei = draw_specimen(nuclear, table, rng)
    bodies = place_bodies(table, draw_bodies(settings.cells, table, rng), shape, rng)
    bodies = _around_nuclei(bodies, nuclei, settings.nucleus_diameter_px / 2)
    thickness = _thickness(settings, bodies, rng)
    opd = _cytoplasm_opd(settings, thickness, rng) + _nuclear_opd(settings, nuclei)
    opd += draw_granules(settings, table, bodies, rng)
    opd += draw_debris(settings, shape, rng)
    fade = _fading_margin(shape, field)
    points, mask = _truth(nuclei, field)
    return TransmittedSpecimen(
        opd_um=opd * fade,
        absorption=thickness * fade * np.float32(settings.cells.absorption_per_um),
        thickness_um=thickness,
        bodies=bodies,
        dna=nuclei.light,
        points=points,
        mask=mask,
        field=field,
    )


def canvas_shape(settings: TransmittedSettings) -> tuple[int, int]:
    """Return the size of the canvas: field and margin, and what makes transforms fast."""
    height, width = (
        int(fft.next_fast_len(side + 2 * settings.margin_px))
        for side in (settings.height, settings.width)
    )
    return height, width


def nuclei_settings(settings: TransmittedSettings, shape: tuple[int, int]) -> SimulationSettings:
    """Return the settings by which layout and nuclei of a canvas of `shape` are drawn.

    Without debris and blur, which the two microscopes add in ways of their own.
    """
    cells = settings.cells
    # Settings of nuclei that have the same names in both.
    common = cells.model_dump(include=set(SimulationSettings.model_fields))
    return SimulationSettings(
        height=shape[0],
        width=shape[1],
        cell_diameter_px=settings.nucleus_diameter_px,
        cells_per_mpx=cells.cells_per_mm2 * settings.pixel_size_um**2,
        texture_strength=cells.chromatin_strength,
        debris_per_mpx=0.0,
        defocus_fraction=0.0,
        **common,
    )


def _around_nuclei(bodies: BodyMaps, nuclei: Specimen, radius_px: float) -> BodyMaps:
    """Widen bodies where a nucleus would stick out, as where two nuclei all but touch."""
    within = np.where(nuclei.depth < 1, 1 + np.float32(radius_px) * (1 - nuclei.depth), -np.inf)
    inside = np.maximum(bodies.inside_px, within)
    return replace(bodies, inside_px=np.asarray(inside, dtype=np.float32))


def _thickness(
    settings: TransmittedSettings, bodies: BodyMaps, rng: np.random.Generator
) -> FloatImage:
    """Profile of a fried egg: a hill at the nucleus, a thin lamella, a ruffled border."""
    cells = settings.cells
    inside_um = np.maximum(bodies.inside_px, 0) * np.float32(settings.pixel_size_um)
    border = 1 - np.exp(-inside_um / np.float32(_BORDER_RISE_UM))
    squared = (bodies.from_nucleus / np.float32(_NUCLEAR_RISE)) ** 2
    hill = (1 - np.exp(-inside_um / np.float32(_HILL_RISE_UM))) / (1 + squared * squared)
    flat = np.float32(cells.lamella_um) * border * _fibres(settings, bodies, rng)
    thickness = bodies.thickness * (flat + np.float32(cells.hill_um) * hill)
    if cells.ruffle_um > 0:
        shape = (inside_um.shape[0], inside_um.shape[1])
        places = np.maximum(smooth_field(shape, 0.5 * settings.nucleus_diameter_px, rng), 0)
        ridge = border * np.exp(-(((inside_um - np.float32(1.2)) / np.float32(0.9)) ** 2))
        thickness += np.float32(cells.ruffle_um) * np.minimum(places, 2) / 2 * ridge
    return np.asarray(thickness, dtype=np.float32)


def _fibres(
    settings: TransmittedSettings, bodies: BodyMaps, rng: np.random.Generator
) -> FloatImage:
    """Factor on the lamella's thickness: ridges along the cell, in another order in each."""
    cells = settings.cells
    reach = float(np.abs(bodies.across).max()) + 1
    scale = _STEPS_PER_PIXEL * cells.fibre_um / settings.pixel_size_um
    ridges = smooth_field((1, int(2 * reach * _STEPS_PER_PIXEL) + 1), scale, rng)[0]
    ridges = np.maximum(1 + np.float32(cells.fibres) * ridges, 0)
    steps = (bodies.across + np.float32(reach)) * np.float32(_STEPS_PER_PIXEL)
    return np.asarray(ridges[steps.astype(np.int32)], dtype=np.float32)


def _cytoplasm_opd(
    settings: TransmittedSettings, thickness: FloatImage, rng: np.random.Generator
) -> FloatImage:
    cells = settings.cells
    shape = (thickness.shape[0], thickness.shape[1])
    fine = smooth_field(shape, 1.6 / settings.pixel_size_um, rng)
    coarse = smooth_field(shape, 5.0 / settings.pixel_size_um, rng)
    texture = 1 + np.float32(0.7 * cells.cytoplasm_texture) * (fine + coarse)
    return np.asarray(
        np.float32(cells.cytoplasm_index) * thickness * np.maximum(texture, 0), dtype=np.float32
    )


def _nuclear_opd(settings: TransmittedSettings, nuclei: Specimen) -> FloatImage:
    """Nucleus, nuclear envelope and nucleoli."""
    cells = settings.cells
    depth = nuclei.depth
    within = depth < 1
    opd = np.float32(cells.nucleus_opd_um) * np.sqrt(np.maximum(1 - depth * depth, 0))
    thin = np.float32(max(0.08, 1.2 / settings.nucleus_diameter_px))
    ring = np.exp(-(((depth - np.float32(0.93)) / thin) ** 2))
    opd += np.float32(cells.envelope_opd_um) * ring * within
    if cells.nucleolus_depth > 0:
        height = np.float32(cells.nucleolus_opd_um / cells.nucleolus_depth)
        opd += height * nuclei.nucleoli * within
    return np.asarray(opd, dtype=np.float32)


def _fading_margin(shape: tuple[int, int], field: tuple[slice, slice]) -> FloatImage:
    """1 in the field, down to 0 at the canvas' borders, where transforms repeat it."""
    ramps = []
    for side, inner in zip(shape, field, strict=True):
        outside = np.arange(side)
        missing = np.maximum(inner.start - outside, outside - (inner.stop - 1))
        room = np.where(outside < inner.start, inner.start, side - inner.stop)
        share = np.clip(1.5 * missing / np.maximum(room, 1) - 0.5, 0, 1)
        ramps.append(0.5 + 0.5 * np.cos(np.pi * share))
    return np.asarray(ramps[0][:, None] * ramps[1][None, :], dtype=np.float32)


def _truth(
    nuclei: Specimen, field: tuple[slice, slice]
) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
    """Cut the truth to the field; nuclei count whose centre lies in it and that are seen."""
    corner = np.array([field[0].start, field[1].start])
    sides = np.array([field[0].stop, field[1].stop]) - corner
    points = nuclei.points - corner
    cut = nuclei.mask[field]
    seen = np.bincount(cut.ravel(), minlength=len(points) + 1)[1:] > 0
    counted = np.flatnonzero(seen & np.all((points >= -0.5) & (points < sides - 0.5), axis=1))
    numbers = np.zeros(len(points) + 1, dtype=np.uint16)
    numbers[counted + 1] = np.arange(1, len(counted) + 1)
    return points[counted], numbers[cut]
