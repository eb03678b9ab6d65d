"""Drawing invented nuclei: outline, height, chromatin, nucleoli; and the truth beside them.

Every nucleus is drawn in its own small box, in units of the brightness of a typical nucleus.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.images.degradation import FloatImage
from adaptoscope.simulation.layout import NucleusTable
from adaptoscope.simulation.settings import SimulationSettings

# Fourier terms of an outline, 2 to 5, and its largest change, so that no outline meets itself.
HARMONICS = 4
LARGEST_BULGE = 0.35
# Of a nucleus that the border cuts and that a person would still mark; by eye.
SMALLEST_VISIBLE_PART = 0.2


@dataclass(frozen=True)
class Specimen:
    """What lies under the microscope; maps have shape (H, W).

    Attributes
    ----------
    light
        Light sent out, 1 = middle of a typical nucleus.
    points
        Labelled cell centres (row, column) in pixels, shape (N, 2).
    mask
        i + 1 where the nucleus of ``points[i]`` lies, 0 elsewhere.
    depth
        Distance from the middle of the nucleus relative to its outline there; below 1 inside,
        1 outside.
    nucleoli
        Share of the light that nucleoli take away, 0 to 1; 0 outside nuclei.
    """

    light: FloatImage
    points: NDArray[np.float64]
    mask: NDArray[np.uint16]
    depth: FloatImage
    nucleoli: FloatImage


def draw_specimen(
    settings: SimulationSettings, table: NucleusTable, rng: np.random.Generator
) -> Specimen:
    """Draw all nuclei of a field: where they overlap, light adds up and the mask is shared out."""
    shape = (settings.height, settings.width)
    light = np.zeros(shape, dtype=np.float32)
    nearest = np.ones(shape, dtype=np.float32)
    nucleoli = np.zeros(shape, dtype=np.float32)
    owner = np.zeros(shape, dtype=np.int32)
    whole_areas = np.zeros(len(table))
    chromatin = _chromatin(settings, rng)
    for index in range(len(table)):
        top, left, depth, glow, lost = _draw_nucleus(settings, table, index, chromatin, rng)
        whole_areas[index] = np.count_nonzero(depth < 1)
        canvas, box = _shared_region(shape, top, left, depth.shape)
        light[canvas] += glow[box]
        closer = depth[box] < nearest[canvas]
        nearest[canvas][closer] = depth[box][closer]
        owner[canvas][closer] = index + 1
        nucleoli[canvas][closer] = lost[box][closer]
    points, mask = _label(settings, table, owner, whole_areas)
    return Specimen(light, points, mask, nearest, nucleoli)


def add_debris(
    light: FloatImage, settings: SimulationSettings, rng: np.random.Generator
) -> FloatImage:
    """Add bright specks that are no cells, at most a quarter of a cell wide."""
    number = rng.poisson(settings.debris_per_mpx * light.size * 1e-6)
    littered = light.copy()
    for _ in range(number):
        sigma = settings.cell_diameter_px * rng.uniform(0.02, 0.08)
        reach = int(np.ceil(3 * sigma)) + 1
        row, column = rng.uniform(0, light.shape[0]), rng.uniform(0, light.shape[1])
        top, left = int(row) - reach, int(column) - reach
        steps = np.arange(2 * reach + 1)
        across = np.exp(-(((top + steps - row) / sigma) ** 2) / 2)
        along = np.exp(-(((left + steps - column) / (sigma * rng.uniform(0.7, 1.6))) ** 2) / 2)
        speck = rng.lognormal(-0.3, 0.7) * across[:, None] * along[None, :]
        canvas, box = _shared_region(light.shape, top, left, speck.shape)
        littered[canvas] += speck[box].astype(np.float32)
    return littered


def _draw_nucleus(
    settings: SimulationSettings,
    table: NucleusTable,
    index: int,
    chromatin: FloatImage,
    rng: np.random.Generator,
) -> tuple[int, int, FloatImage, FloatImage, FloatImage]:
    """Return the box's top and left, the relative radius, the light, and the nucleoli's share."""
    long_axis, short_axis = table.semi_axes[index]
    reach = int(np.ceil(long_axis * (1 + LARGEST_BULGE) + 3 * table.defocus[index])) + 1
    row, column = table.centres[index]
    top, left = int(np.floor(row)) - reach, int(np.floor(column)) - reach
    steps = np.arange(2 * reach + 2, dtype=np.float32)
    down, right = (top + steps - row)[:, None], (left + steps - column)[None, :]
    cosine, sine = np.cos(table.angles[index]), np.sin(table.angles[index])
    plane = (
        (cosine * right + sine * down) / long_axis
        + 1j * (cosine * down - sine * right) / short_axis
    ).astype(np.complex64)
    depth = _relative_radius(plane, settings.irregularity, rng)
    glow = _height(depth, settings, rng) * np.float32(table.brightness[index])
    glow *= _pattern(chromatin, len(steps), settings.texture_strength, rng)
    left_over = np.ones_like(depth)
    if not table.mitotic[index]:
        left_over = _nucleoli(plane, settings, rng)
        glow *= left_over
    if table.defocus[index] > 0:
        glow = ndimage.gaussian_filter(glow, table.defocus[index], mode="constant", truncate=3)
    return top, left, depth, glow, 1 - left_over


def _relative_radius(
    plane: NDArray[np.complex64], irregularity: float, rng: np.random.Generator
) -> FloatImage:
    """Radius relative to an ellipse whose outline is perturbed by Fourier terms 2 to 5."""
    radius = np.abs(plane)
    direction = plane / np.maximum(radius, np.float32(1e-6))
    amplitudes = irregularity / np.sqrt(np.arange(1, HARMONICS + 1))
    terms = amplitudes * rng.standard_normal((2, HARMONICS))
    series = np.zeros_like(direction)
    for term in (terms[0] + 1j * terms[1])[::-1].astype(np.complex64):
        series = (series + term) * direction
    bulge = 1 + np.clip((series * direction).real, -LARGEST_BULGE, LARGEST_BULGE)
    return np.asarray(radius / bulge, dtype=np.float32)


def _height(
    depth: FloatImage, settings: SimulationSettings, rng: np.random.Generator
) -> FloatImage:
    squared = depth * depth
    exponent = np.float32(settings.flatness * rng.uniform(0.75, 1.25))
    height = np.maximum(1 - squared, 0) ** exponent
    if settings.rim != 0:
        height *= 1 + np.float32(settings.rim) * squared**2
    return np.asarray(height, dtype=np.float32)


def _pattern(
    chromatin: FloatImage, side: int, strength: float, rng: np.random.Generator
) -> FloatImage:
    start = rng.integers(0, chromatin.shape[0] - side + 1, 2)
    patch = chromatin[start[0] : start[0] + side, start[1] : start[1] + side]
    return np.asarray(np.exp(np.float32(strength) * patch), dtype=np.float32)


def _nucleoli(
    plane: NDArray[np.complex64], settings: SimulationSettings, rng: np.random.Generator
) -> FloatImage:
    factor = np.ones(plane.shape, dtype=np.float32)
    for _ in range(rng.poisson(settings.nucleoli)):
        radius, angle = 0.65 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        away = plane - np.complex64(radius * np.exp(1j * angle))
        size = np.float32(rng.uniform(0.1, 0.2))
        distance = away.real * away.real + away.imag * away.imag
        depth = np.float32(settings.nucleolus_depth)
        factor *= 1 - depth * np.exp(-distance / (2 * size * size))
    return factor


def _chromatin(settings: SimulationSettings, rng: np.random.Generator) -> FloatImage:
    """One sheet of band-limited noise per field; every nucleus is cut from another place."""
    diameter = settings.cell_diameter_px
    widest = diameter * np.exp(2.5 * settings.diameter_spread) * (1 + LARGEST_BULGE)
    widest = widest / np.sqrt(min(settings.smallest_aspect, 0.35)) + 6 * settings.defocus_px
    side = int(max(128, 1.5 * (widest + 8)))
    noise = rng.standard_normal((2, side, side), dtype=np.float32)
    grain = max(settings.texture_scale * diameter, 0.6)
    fine = _band(noise[0], grain)
    coarse = _band(noise[1], 2.5 * grain)
    return 0.75 * fine + 0.66 * coarse


def _band(noise: FloatImage, scale: float) -> FloatImage:
    smooth = ndimage.gaussian_filter(noise, scale, mode="wrap", truncate=3)
    centred = smooth - smooth.mean()
    banded: FloatImage = centred / max(float(centred.std()), 1e-6)
    return banded


def _shared_region(
    shape: tuple[int, ...], top: int, left: int, box_shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the canvas and of the box where the two cover each other; may be empty."""
    canvas, box = [], []
    for side, start, length in zip(shape, (top, left), box_shape, strict=True):
        first = min(max(start, 0), side)
        last = max(min(start + length, side), first)
        canvas.append(slice(first, last))
        box.append(slice(first - start, last - start) if last > first else slice(0, 0))
    return (canvas[0], canvas[1]), (box[0], box[1])


def _label(
    settings: SimulationSettings,
    table: NucleusTable,
    owner: NDArray[np.int32],
    whole_areas: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
    """Choose the nuclei that count and number them 1, 2, ... in the order of the points."""
    visible = np.bincount(owner.ravel(), minlength=len(table) + 1)[1:]
    if settings.edge_rule == "centre":
        limits = np.array([settings.height, settings.width]) - 0.5
        inside = np.all((table.centres >= -0.5) & (table.centres < limits), axis=1)
        counted = np.flatnonzero(inside & (visible > 0))
        points = table.centres[counted]
    else:
        enough = (visible > 0) & (visible >= SMALLEST_VISIBLE_PART * whole_areas)
        counted = np.flatnonzero(enough)
        points = _centroids(owner, counted + 1)
    numbers = np.zeros(len(table) + 1, dtype=np.uint16)
    numbers[counted + 1] = np.arange(1, len(counted) + 1)
    return points.astype(np.float64).reshape(-1, 2), numbers[owner]


def _centroids(owner: NDArray[np.int32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    if not len(labels):
        return np.zeros((0, 2))
    return np.asarray(ndimage.center_of_mass(owner > 0, owner, labels), dtype=np.float64)
