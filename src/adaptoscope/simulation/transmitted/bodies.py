"""Where the bodies of spread cells lie, around nuclei that are there already."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.degradation import FloatImage, enlarge, smooth_field
from adaptoscope.simulation.layout import NucleusTable
from adaptoscope.simulation.transmitted.cell_settings import SpreadCellSettings

FAR = 1.5
"""Relative distance at which a body's influence ends; 1 is its border."""

# Half of an arm's length is left 15 degrees beside its direction; by eye.
_ARM_SHARPNESS = 20.0
# What stands in the maps where no body reaches.
_NOWHERE = {"first": FAR, "second": FAR, "width": 1.0, "near": 9.0, "side": 0.0, "across": 0.0}


@dataclass(frozen=True)
class BodyTable:
    """The cell bodies of a field, one entry for each nucleus; angles are in radians.

    Attributes
    ----------
    semi_axes
        Long and short semi-axis in pixels, before arms, shape (N, 2).
    angles
        Direction of the long axis, shape (N,).
    arms
        For each body the directions and relative lengths of its arms, shape (K, 2).
    thickness
        Factor on the thickness, shape (N,).
    store_side
        Direction of the stronger side of the store around the nucleus, shape (N,).
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
    """Draw what the body around each nucleus is like, in the order of the nuclei.

    Rounded (mitotic) cells are small, thick and without arms.
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
    """
    typical = float(np.sqrt(table.semi_axes.prod(axis=1)).mean()) if len(table) else 8.0
    step = int(np.clip(typical // 3, 1, 4))
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
) -> tuple[FloatImage, FloatImage]:
    """Where the pixels of the grid lie, rows and columns in pixels of the field."""
    down, right = ((np.arange(side, dtype=np.float32) + 0.5) * step - 0.5 for side in grid)
    rows, columns = np.repeat(down[:, None], grid[1], 1), np.repeat(right[None, :], grid[0], 0)
    for scale, amplitude in ((1.6, 0.16), (0.6, 0.06)):
        for places in (columns, rows):
            bend = smooth_field(grid, scale * radius / step, rng)
            places += np.float32(amplitude * radius) * np.clip(bend, -2, 2)
    return rows, columns


def _compete(
    table: NucleusTable,
    bodies: BodyTable,
    index: int,
    places: tuple[FloatImage, FloatImage],
    step: int,
    maps: dict[str, FloatImage],
    owner: NDArray[np.int32],
) -> None:
    """Enter one body into the maps wherever it is nearer than those before it."""
    longest = bodies.arms[index][:, 1].max(initial=0.0)
    reach = bodies.semi_axes[index, 0] * (1 + longest) + 3 * step
    box = tuple(
        slice(max(int((middle - reach) / step), 0), max(int((middle + reach) / step) + 1, 0))
        for middle in table.centres[index]
    )
    down = places[0][box] - np.float32(table.centres[index, 0])
    right = places[1][box] - np.float32(table.centres[index, 1])
    if not down.size:
        return
    squared = down * down + right * right + np.float32(1e-6)
    distance = np.asarray(np.sqrt(squared), dtype=np.float32)
    along, across = right / distance, down / distance
    nucleus = _ellipse_radius(along, across, table.semi_axes[index], table.angles[index])
    border = _ellipse_radius(along, across, bodies.semi_axes[index], bodies.angles[index])
    border *= 1 + _arms(along, across, bodies.arms[index])
    width = np.maximum(border - nucleus, nucleus / 3)
    relative = (distance - nucleus) / width
    first, second = maps["first"][box], maps["second"][box]
    closer = relative < first
    second[...] = np.where(closer, first, np.minimum(second, relative))
    turn, side = bodies.angles[index], bodies.store_side[index]
    for name, values in (
        ("first", relative),
        ("width", width),
        ("near", distance / nucleus),
        ("side", _turned(along, across, side)),
        ("across", _turned(down, -right, turn)),
    ):
        np.copyto(maps[name][box], values, where=closer)
    owner[box][closer] = index


def _arms(along: FloatImage, across: FloatImage, arms: NDArray[np.float64]) -> FloatImage:
    """How much further the border lies in each direction, as a share of its distance."""
    longer = np.zeros_like(along)
    for angle, length in arms:
        arm = np.exp(np.float32(_ARM_SHARPNESS) * (_turned(along, across, angle) - 1))
        np.maximum(longer, np.float32(length) * arm, out=longer)
    return longer


def _ellipse_radius(
    along: FloatImage, across: FloatImage, semi_axes: NDArray[np.float64], angle: float
) -> FloatImage:
    """Radius of a turned ellipse in directions of length 1."""
    cosine, sine = np.cos(angle), np.sin(angle)
    long, short = 1 / semi_axes**2
    rising = np.float32(cosine**2 * long + sine**2 * short)
    lying = np.float32(sine**2 * long + cosine**2 * short)
    mixed = np.float32(2 * cosine * sine * (long - short))
    squared = along * (rising * along + mixed * across) + lying * across * across
    # In its very middle a nucleus has no direction.
    return np.asarray(1 / np.sqrt(np.maximum(squared, np.float32(1e-9))), dtype=np.float32)


def _turned(along: FloatImage, across: FloatImage, angle: float) -> FloatImage:
    """Component in the direction of an angle."""
    return np.asarray(
        np.float32(np.cos(angle)) * along + np.float32(np.sin(angle)) * across, dtype=np.float32
    )
