"""Where the bodies of spread cells lie, around nuclei that are there already."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.degradation import FloatImage, enlarge, smooth_field
from adaptoscope.simulation.layout import NucleusTable
from adaptoscope.simulation.transmitted.cell_settings import SpreadCellSettings

FAR = 1.5
"""Relative distance at which a body's influence ends; 1 is its border."""

_ARM_SHARPNESS = 20.0
_NOWHERE = {"first": FAR, "second": FAR, "width": 1.0, "near": 9.0, "side": 0.0, "across": 0.0}


@dataclass(frozen=True)
class BodyTable:
    """The cell bodies of a field, one entry for each nucleus.

    Attributes
    ----------
    semi_axes
        Long and short semi-axis in pixels, before arms, shape (N, 2).
    angles
        Direction of the long axis in radians, shape (N,).
    arms
        For each body the directions (radians) and relative lengths of its arms, shape (K, 2).
    thickness
        Factor on the thickness, shape (N,).
    store_side
        Direction of the stronger side of the store around the nucleus in radians, shape (N,).
    """

    semi_axes: NDArray[np.float64]
    angles: NDArray[np.float64]
    arms: tuple[NDArray[np.float64], ...]
    thickness: NDArray[np.float64]
    store_side: NDArray[np.float64]


@dataclass(frozen=True)
class BodyMaps:
    """The bodies on the field's pixels, shapes (H, W).

    Attributes
    ----------
    inside_px
        Distance to the border of the body in pixels; 0 or below outside.
    from_nucleus
        Distance from the middle of the nucleus, in radii of the nucleus in that direction.
    store
        Cosine of the angle to the stronger side of the store, -1 to 1.
    across
        Distance from the long axis of the body in pixels, with a sign.
    thickness
        Factor on the thickness.
    owner
        Index of the nucleus whose body is nearest, on a grid coarser by `step`.
    step
        Pixels per pixel of that grid.
    """

    inside_px: FloatImage
    from_nucleus: FloatImage
    store: FloatImage
    across: FloatImage
    thickness: FloatImage
    owner: NDArray[np.int32]
    step: int


def draw_bodies(
    cells: SpreadCellSettings, table: NucleusTable, rng: np.random.Generator
) -> BodyTable:
    """Draw what the body around each nucleus is like.

    Rounded (mitotic) cells are small, thick and without arms.

    Parameters
    ----------
    cells
        The specimen.
    table
        The nuclei.
    rng
        Source of randomness.

    Returns
    -------
    BodyTable
        One body for each nucleus, in the same order.
    """
    number = len(table)
    radii = np.sqrt(table.semi_axes.prod(axis=1))
    spread = rng.uniform(cells.narrowest_spread, cells.widest_spread, number)
    aspects = rng.uniform(cells.longest_aspect, max(cells.longest_aspect, 0.7), number)
    thickness = np.exp(cells.thickness_spread * rng.standard_normal(number))
    arms = [
        np.stack(
            [rng.uniform(0, 2 * np.pi, count), cells.arm_length * rng.gamma(3.0, 1 / 3, count)],
            axis=1,
        )
        for count in rng.poisson(cells.arms, number)
    ]
    spread[table.mitotic], aspects[table.mitotic] = 1.6, 0.9
    thickness[table.mitotic] *= 2.5
    for index in np.flatnonzero(table.mitotic):
        arms[index] = np.zeros((0, 2))
    return BodyTable(
        semi_axes=(radii * spread)[:, None] * np.sqrt(np.stack([1 / aspects, aspects], axis=1)),
        angles=table.angles + 0.35 * rng.standard_normal(number),
        arms=tuple(arms),
        thickness=thickness,
        store_side=rng.uniform(0, 2 * np.pi, number),
    )


def place_bodies(
    table: NucleusTable, bodies: BodyTable, shape: tuple[int, int], rng: np.random.Generator
) -> BodyMaps:
    """Share the field out among the bodies.

    Where bodies meet, each point belongs to the one to which it is nearer in units of the way from
    its nucleus to its border. The competition is drawn on a coarser grid, in curved coordinates
    that make the borders irregular.

    Parameters
    ----------
    table
        The nuclei.
    bodies
        Their bodies.
    shape
        Height and width of the field in pixels.
    rng
        Source of randomness for the irregularity.

    Returns
    -------
    BodyMaps
        The bodies; a field without nuclei has none.
    """
    typical = float(np.sqrt(table.semi_axes.prod(axis=1)).mean()) if len(table) else 8.0
    step = int(np.clip(typical // 4, 1, 4))
    grid = (-(-shape[0] // step), -(-shape[1] // step))
    places = _curved_places(grid, step, typical, rng)
    maps = {name: np.full(grid, value, dtype=np.float32) for name, value in _NOWHERE.items()}
    owner = np.zeros(grid, dtype=np.int32)
    for index in range(len(table)):
        _compete(table, bodies, index, places, step, maps, owner)
    lead = (maps["second"] - maps["first"]) / 2
    inside = np.minimum(1 - maps["first"], lead) * maps["width"]
    factors = bodies.thickness[owner] if len(table) else np.ones(grid)
    return BodyMaps(
        inside_px=enlarge(inside, step, shape),
        from_nucleus=enlarge(maps["near"], step, shape),
        store=enlarge(maps["side"], step, shape),
        across=enlarge(maps["across"], step, shape),
        thickness=enlarge(factors.astype(np.float32), step, shape),
        owner=owner,
        step=step,
    )


def _curved_places(
    grid: tuple[int, int], step: int, radius: float, rng: np.random.Generator
) -> NDArray[np.complex64]:
    """Where the pixels of the grid lie, column + i * row in pixels of the field."""
    middles = [(np.arange(side) + 0.5) * step - 0.5 for side in grid]
    places = middles[1][None, :] + 1j * middles[0][:, None]
    for scale, amplitude in ((1.6, 0.16), (0.6, 0.06)):
        along, down = (smooth_field(grid, scale * radius / step, rng) for _ in range(2))
        places = places + amplitude * radius * (along + 1j * down)
    return places.astype(np.complex64)


def _compete(
    table: NucleusTable,
    bodies: BodyTable,
    index: int,
    places: NDArray[np.complex64],
    step: int,
    maps: dict[str, FloatImage],
    owner: NDArray[np.int32],
) -> None:
    """Enter one body into the maps wherever it is nearer than those before it."""
    lengths = bodies.arms[index][:, 1]
    reach = 1.2 * bodies.semi_axes[index, 0] * (1 + lengths.max(initial=0.0)) + 2 * step
    row, column = table.centres[index]
    box = tuple(
        slice(max(int((middle - reach) / step), 0), max(int((middle + reach) / step) + 1, 0))
        for middle in (row, column)
    )
    away = places[box] - np.complex64(column + 1j * row)
    if not away.size:
        return
    distance = np.maximum(np.abs(away), np.float32(1e-3))
    direction = away / distance
    nucleus = _ellipse_radius(direction, table.semi_axes[index], table.angles[index])
    border = _ellipse_radius(direction, bodies.semi_axes[index], bodies.angles[index])
    for angle, length in bodies.arms[index]:
        cosine = (direction * np.complex64(np.exp(-1j * angle))).real
        border *= 1 + np.float32(length) * np.exp(np.float32(_ARM_SHARPNESS) * (cosine - 1))
    width = np.maximum(border - nucleus, nucleus / 3)
    relative = (distance - nucleus) / width
    first, second = maps["first"][box], maps["second"][box]
    closer = relative < first
    second[...] = np.where(closer, first, np.minimum(second, relative))
    side = (direction * np.complex64(np.exp(-1j * bodies.store_side[index]))).real
    across = (away * np.complex64(np.exp(-1j * bodies.angles[index]))).imag
    for name, values in (
        ("first", relative),
        ("width", width),
        ("near", distance / nucleus),
        ("side", side),
        ("across", across),
    ):
        np.copyto(maps[name][box], values, where=closer)
    owner[box][closer] = index


def _ellipse_radius(
    direction: NDArray[np.complex64], semi_axes: NDArray[np.float64], angle: float
) -> FloatImage:
    turned = direction * np.complex64(np.exp(-1j * angle))
    along = turned.real / np.float32(semi_axes[0])
    across = turned.imag / np.float32(semi_axes[1])
    squared = along * along + across * across
    return np.asarray(1 / np.sqrt(np.maximum(squared, np.float32(1e-9))), dtype=np.float32)
