"""Count whole images with a density network: brought to its cell size, in tiles without seams."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.peaks import BORDER, peaks_of_density
from adaptoscope.counting.post_processing import FAINTEST, DensityReading, DensitySurvey
from adaptoscope.counting.sharpness import responses
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.imageio.large_images import Pixels, is_large, sample_of
from adaptoscope.images.blobs import measured_diameter
from adaptoscope.images.cell_centres import Points, inside_window, no_points
from adaptoscope.images.normalisation import measure_range
from adaptoscope.images.resampling import Resampling, scaled
from adaptoscope.images.windows import mirrored_places
from adaptoscope.inference.network import Network
from adaptoscope.networks.geometry import Geometry
from adaptoscope.training.progress import progress

Image = npt.NDArray[np.float32]

# Tiles are a multiple of what the network halves to. The other three bound when cells that were
# measured as very large are looked for again as smaller ones.
_GRID = 16
_LARGEST_SHARE = 0.2
_SMALLEST_DIAMETER = 8.0
_LEAST_RATIO = 3.0


class DensityCounter:
    """A trained density network.

    Parameters
    ----------
    network
        Maps (B, 1, H, W), with H and W multiples of 16, to cells per place, shape (B, 1, h, w).
    geometry
        Where its places lie; its reach is a multiple of 16.
    working_diameter
        Cell diameter in pixels that images are brought to.
    diameter_px
        Cell diameter in pixels of the images to count; None measures each image.
    intensity
        Fixed range of intensities; None measures each image's own.
    span
        Fixed distance from background to cells, in the unit of the stored range; the background is
        measured on each image. None where ``intensity`` says it all.
    tile
        Edge of the tiles in pixels, a multiple of 16.
    """

    def __init__(
        self,
        network: Network,
        *,
        geometry: Geometry,
        working_diameter: float,
        diameter_px: float | None = None,
        intensity: IntensityRange | None = None,
        span: float | None = None,
        reading: DensityReading | None = None,
        tile: int = 1024,
    ) -> None:
        self.network = network
        self.stride, self.reach = geometry
        self.tile = tile
        self.working_diameter = working_diameter
        self.diameter_px = diameter_px
        self.intensity, self.span = intensity, span
        self.reading = reading or DensityReading()

    def with_reading(self, reading: DensityReading) -> "DensityCounter":
        """Return the same counter whose density is read in another way."""
        other = copy.copy(self)
        other.reading = reading
        return other

    @property
    def own_diameter_px(self) -> float | None:
        """Cell diameter in pixels of the images to count; None where each is measured."""
        return self.diameter_px

    def count(self, pixels: Pixels, *, diameter_px: float | None = None) -> ImageCount:
        """Count the cells of an image of shape (H, W), which may be a large one on disk."""
        survey = self.survey(pixels, diameter_px=diameter_px)
        count, points = survey.read(self.reading)
        sharpness = survey.sharpness()[survey.kept(self.reading)]
        return ImageCount(count, points, survey.diameter_px, sharpness=sharpness, survey=survey)

    def survey(self, pixels: Pixels, *, diameter_px: float | None = None) -> DensitySurvey:
        """Find all that may be cells in an image of shape (H, W).

        Where no diameter is given or known, it is measured; where none can be, the image is taken
        as it is. A measured cell that fills much of the image may be a tissue of small ones: then
        smaller sizes are tried, and the one that shows by far the most cells is taken. The diameter
        and the intensities of a large image are measured on a fixed sample of windows; a large
        image on disk is then read in tiles and never held as a whole.
        """
        known = diameter_px or self.diameter_px
        diameter, intensity = self._measured(pixels, known)
        normalised = _Normalised(pixels, intensity)
        first = self._survey(normalised, diameter)
        if known or diameter < _LARGEST_SHARE * min(pixels.shape):
            return first
        sizes = diameter * 2.0 ** np.arange(-0.5, -20, -0.5)
        others = [self._survey(normalised, size) for size in sizes[sizes >= _SMALLEST_DIAMETER]]
        best = max(others, key=DensitySurvey.certain_cells, default=first)
        small = best.certain_cells() >= _LEAST_RATIO * max(first.certain_cells(), 1.0)
        return best if small else first

    def _survey(self, normalised: "_Normalised", diameter: float) -> DensitySurvey:
        """Find all that may be cells of a certain diameter."""
        height, width = normalised.shape
        change = scaled((height, width), self.working_diameter / diameter)
        total, found = 0.0, [no_points()]
        heights, answers = [np.zeros(0)], [np.zeros(0)]
        tiles = list(self._tiles(change.new_shape))
        for tile in progress(tiles, "tiles") if is_large((height, width)) else tiles:
            shown = _mirrored_part(normalised, change, tile)
            density = self.network(shown[None, None])[0, 0]
            total += tile.count(density, self.stride)
            points, high = tile.peaks(density, self.stride)
            found.append(points)
            heights.append(high)
            inside = points - tile.origin
            answers.append(responses(shown, inside, self.working_diameter))
        return DensitySurvey(
            change.points_before(np.concatenate(found)),
            np.concatenate(heights),
            max(total, 0.0),
            (height, width),
            float(diameter),
            np.concatenate(answers),
        )

    def _measured(self, pixels: Pixels, diameter: float | None) -> tuple[float, IntensityRange]:
        """Return the cell diameter in pixels and the range of intensities, measured if need be."""
        if diameter and self.intensity:
            return diameter, self._with_span(self.intensity)
        sample = sample_of(pixels)
        diameter = diameter or measured_diameter(sample) or self.working_diameter
        return diameter, self._with_span(self.intensity or measure_range(sample))

    def _with_span(self, own: IntensityRange) -> IntensityRange:
        return own if self.span is None else IntensityRange(own.low, own.low + self.span)

    def _tiles(self, shape: tuple[int, int]) -> Iterator["_Tile"]:
        """Divide the image, with what is added at its border, into tiles with margins."""
        ends = [-(-(side + 2 * BORDER) // _GRID) * _GRID for side in shape]
        for top in range(0, ends[0], self.tile):
            for left in range(0, ends[1], self.tile):
                core = (
                    (top, min(top + self.tile, ends[0])),
                    (left, min(left + self.tile, ends[1])),
                )
                shown = tuple(
                    (max(0, first - self.reach), min(end, last + self.reach))
                    for (first, last), end in zip(core, ends, strict=True)
                )
                own = tuple(
                    (max(first, BORDER), min(last, BORDER + side))
                    for (first, last), side in zip(core, shape, strict=True)
                )
                if all(first < last for first, last in own):
                    yield _Tile(shown, own, tuple((BORDER, BORDER + side) for side in shape))


@dataclass(frozen=True)
class _Normalised:
    """An image of which only those parts are brought to a range of intensities that are read."""

    pixels: Pixels
    intensity: IntensityRange

    @property
    def shape(self) -> tuple[int, ...]:
        return self.pixels.shape

    def __getitem__(self, place: tuple[slice, slice]) -> Image:
        return self.intensity.apply(self.pixels[place])


@dataclass(frozen=True)
class _Tile:
    """A part of an image; rows and columns from and to, counted from `BORDER` before the image."""

    shown: tuple[tuple[int, int], ...]
    counted: tuple[tuple[int, int], ...]
    image: tuple[tuple[int, int], ...]

    @property
    def origin(self) -> npt.NDArray[np.float64]:
        """First (row, column) that is shown, in pixels of the image at its working size."""
        return np.array([first - BORDER for first, _ in self.shown], dtype=np.float64)

    def count(self, density: Image, stride: int) -> float:
        """Sum the places that count; one that lies half outside counts half."""
        rows, columns = (
            _shares(first, own, places, stride)
            for (first, _), own, places in zip(self.shown, self.counted, density.shape, strict=True)
        )
        return float(rows @ density.astype(np.float64) @ columns)

    def peaks(self, density: Image, stride: int) -> tuple[Points, npt.NDArray[np.float64]]:
        """Find the peaks that count in this tile, in pixels of the image at its working size.

        The mirrored border is cut off first: beside it a cell and its mirror image would hide each
        other.
        """
        parts = [
            (max(0, (low - first) // stride), -(-(high - first) // stride))
            for (first, _), (low, high) in zip(self.shown, self.image, strict=True)
        ]
        inside = density[tuple(slice(*part) for part in parts)]
        points, heights = peaks_of_density(inside, stride, FAINTEST)
        cut_off = [
            first + stride * part for (first, _), (part, _) in zip(self.shown, parts, strict=True)
        ]
        # A place that lies half outside may have its middle on the very border.
        ends = np.array([high for _, high in self.image]) - 0.5 - 1e-6
        placed = np.minimum(points + np.array(cut_off, dtype=np.float64), ends)
        (top, bottom), (left, right) = self.counted
        own = inside_window(placed, top, left, bottom - top, right - left)
        return np.asarray(placed[own] - BORDER), heights[own]


def _shares(first: int, own: tuple[int, int], places: int, stride: int) -> npt.NDArray[np.float64]:
    """Return how much of each place counts, along one axis."""
    begins = first + stride * np.arange(places)
    covered = np.minimum(begins + stride, own[1]) - np.maximum(begins, own[0])
    return np.asarray(np.clip(covered, 0, stride) / stride)


def _mirrored_part(pixels: Pixels, change: Resampling, tile: _Tile) -> Image:
    """Cut a tile out of the image at its new size, which goes on as its mirror image."""
    rows, columns = (
        mirrored_places(np.arange(first - BORDER, last - BORDER), side)
        for (first, last), side in zip(tile.shown, change.new_shape, strict=True)
    )
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) - top + 1, int(columns.max()) - left + 1
    part = change.part(pixels, top, left, height, width)
    return np.ascontiguousarray(part[np.ix_(rows - top, columns - left)])
