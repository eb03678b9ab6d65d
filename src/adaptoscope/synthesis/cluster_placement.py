"""Placing cells around cluster centres, Algorithm 1 of paper 1, lines 8 to 23.

Exactly the algorithm, faster. An attempt that fails now also fails later, since occupied pixels are
never freed. So a block of attempts is tested at once against what is occupied at its beginning, and
only the few that pass are looked at again, one by one and in order. Random numbers come from two
streams of their own (shapes, positions), so drawing them in blocks does not change them.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from adaptoscope.synthesis.ellipses import (
    Ellipses,
    count_true,
    cover,
    disc_offsets,
    largest_pixel_number,
)
from adaptoscope.synthesis.settings import SynthesisSettings

# Sizes of blocks change the speed alone; the last makes up for rounding of bounds.
DRAWN_AT_ONCE = 512
LARGEST_BLOCK = 256
SMALLEST_BLOCK = 24
ROUNDING = 1 + 1e-9

Pixel = TypeVar("Pixel", bound=np.generic)


@dataclass(frozen=True)
class PlacedCell:
    """A cell that found its place: centre (row, column), pixels of the padded canvas, intensity."""

    centre: tuple[float, float]
    pixels: NDArray[np.int64]
    intensity: float


class AttemptStream:
    """Random numbers of successive attempts, drawn ahead.

    Parameters
    ----------
    rng
        The image's generator; two children of it are used, one for shapes (four uniform numbers an
        attempt: two semi-axes, angle, intensity) and one for positions (two normal ones).
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._shapes, self._positions = rng.spawn(2)
        self._uniform = np.empty((0, 4))
        self._normal = np.empty((0, 2))

    def peek(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the numbers of the next attempts, shapes (number, 4) and (number, 2)."""
        missing = number - len(self._uniform)
        if missing > 0:
            more = max(missing, DRAWN_AT_ONCE)
            self._uniform = np.concatenate([self._uniform, self._shapes.random((more, 4))])
            normal = self._positions.standard_normal((more, 2))
            self._normal = np.concatenate([self._normal, normal])
        return self._uniform[:number], self._normal[:number]

    def advance(self, number: int) -> None:
        """Leave the given number of attempts behind."""
        self._uniform = self._uniform[number:]
        self._normal = self._normal[number:]


class Placement:
    """Places cells on an empty canvas, cluster by cluster; the spread (delta) is in pixels."""

    def __init__(self, settings: SynthesisSettings, stream: AttemptStream, spread: float) -> None:
        self._settings = settings
        self._stream = stream
        self._spread = spread
        self._shape = (settings.height, settings.width)
        low, high = (settings.semi_axes[end] * settings.cell_diameter_px for end in (0, -1))
        self._margin = int(np.floor(high + 0.5))
        self._padded_shape = (
            settings.height + 2 * self._margin,
            settings.width + 2 * self._margin,
        )
        self._occupied = np.zeros(self._padded_shape[0] * self._padded_shape[1], dtype=np.bool_)
        core = disc_offsets(low)
        self._core_steps = core[:, 0] * self._padded_shape[1] + core[:, 1]
        self._cells: list[PlacedCell] = []

    @property
    def centres(self) -> NDArray[np.float64]:
        """Centres (row, column) of the cells placed, in pixels, shape (N, 2)."""
        return np.array([cell.centre for cell in self._cells], dtype=np.float64).reshape(-1, 2)

    def mask(self) -> NDArray[np.uint16]:
        """Return the label image, shape (H, W): i + 1 for cell i, the earlier cell on overlaps."""
        labels = np.zeros(self._occupied.size, dtype=np.uint16)
        numbered = list(enumerate(self._cells, start=1))
        _paint(labels, [(cell.pixels, number) for number, cell in reversed(numbered)])
        return self._cut(labels)

    def composite(self, background: NDArray[np.float32]) -> NDArray[np.float32]:
        """Draw the cells on a background of shape (H, W); the brightest wins at each pixel."""
        cells = np.full(self._occupied.size, -np.inf, dtype=np.float32)
        ascending = sorted(self._cells, key=lambda cell: cell.intensity)
        _paint(cells, [(cell.pixels, cell.intensity) for cell in ascending])
        return np.maximum(background, self._cut(cells))

    def fill_cluster(self, centre: tuple[float, float], cells: int) -> int:
        """Place cells around a centre (row, column) until all are placed or no attempt is left."""
        placed, attempts = 0, 0
        limit = self._settings.attempts_per_cell * cells
        block = SMALLEST_BLOCK
        while placed < cells and attempts < limit:
            block = min(max(block, SMALLEST_BLOCK), LARGEST_BLOCK, limit - attempts)
            used, new = self._try_block(centre, block, cells - placed)
            self._stream.advance(used)
            attempts += used
            placed += new
            block = 2 * used * (cells - placed) // max(new, 1)
        return placed

    def _try_block(self, centre: tuple[float, float], block: int, wanted: int) -> tuple[int, int]:
        """Go through a block of attempts; return how many were used and how many succeeded."""
        uniform, normal = self._stream.peek(block)
        ellipses, intensities = self._interpret(uniform, normal, centre)
        open_ones = self._not_hopeless(ellipses)
        covered, places = cover(ellipses.chosen(open_ones), self._margin, self._shape, self._margin)
        areas = count_true(covered)
        taken = count_true(covered & self._occupied.take(places))
        limit, placed = self._settings.largest_overlap, 0
        for entry in np.flatnonzero((taken / np.maximum(areas, 1) < limit) & (areas > 0)).tolist():
            pixels = places[entry][covered[entry]]
            if placed and np.count_nonzero(self._occupied[pixels]) / len(pixels) >= limit:
                continue
            attempt = int(open_ones[entry])
            position = (float(ellipses.rows[attempt]), float(ellipses.columns[attempt]))
            self._cells.append(PlacedCell(position, pixels, float(intensities[attempt])))
            self._occupied[pixels] = True
            placed += 1
            if placed == wanted:
                return attempt + 1, placed
        return block, placed

    def _interpret(
        self,
        uniform: NDArray[np.float64],
        normal: NDArray[np.float64],
        centre: tuple[float, float],
    ) -> tuple[Ellipses, NDArray[np.float64]]:
        settings = self._settings
        places = uniform[:, :2] * (len(settings.semi_axes) - 1)
        relative = np.interp(places, np.arange(len(settings.semi_axes)), settings.semi_axes)
        axes = settings.cell_diameter_px * relative
        positions = np.asarray(centre) + self._spread * normal
        if settings.outside == "clip":
            positions = np.clip(positions, 0, np.array(self._shape) - 1.0)
        ellipses = Ellipses(
            positions[:, 0], positions[:, 1], axes[:, 0], axes[:, 1], np.pi * uniform[:, 2]
        )
        dimmest, brightest = settings.intensity_range
        intensities = dimmest + (brightest - dimmest) * uniform[:, 3]
        return ellipses, intensities

    def _not_hopeless(self, ellipses: Ellipses) -> NDArray[np.int64]:
        """Return the attempts inside the canvas whose sure core leaves room for the rest."""
        height, width = self._shape
        rows, columns = np.floor(ellipses.rows + 0.5), np.floor(ellipses.columns + 0.5)
        inside = np.flatnonzero((rows >= 0) & (rows < height) & (columns >= 0) & (columns < width))
        starts = (rows[inside].astype(np.int64) + self._margin) * self._padded_shape[1]
        starts += columns[inside].astype(np.int64) + self._margin
        core = count_true(self._occupied.take(starts[:, None] + self._core_steps))
        bound = largest_pixel_number(ellipses.first_axes[inside], ellipses.second_axes[inside])
        return inside[core < self._settings.largest_overlap * bound * ROUNDING]

    def _cut(self, padded: NDArray[Pixel]) -> NDArray[Pixel]:
        inner = slice(self._margin, -self._margin)
        return padded.reshape(self._padded_shape)[inner, inner]


def _paint(flat: NDArray[Pixel], layers: list[tuple[NDArray[np.int64], float]]) -> None:
    """Set the pixels of each layer to its value, later layers above earlier ones."""
    if layers:
        pixels = np.concatenate([pixels for pixels, _ in layers])
        values = np.array([value for _, value in layers], dtype=flat.dtype)
        flat[pixels] = np.repeat(values, [len(pixels) for pixels, _ in layers])


def assign_evenly(cells: int, clusters: int) -> list[int]:
    """Share cells out over clusters; what remains goes to the first ones."""
    share, rest = divmod(cells, clusters)
    return [share + (index < rest) for index in range(clusters)]
