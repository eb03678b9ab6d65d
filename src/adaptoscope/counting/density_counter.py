"""Count whole images with a density network: brought to its cell size, in tiles without seams."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.density import peaks_of_density
from adaptoscope.images.blobs import estimate_diameter
from adaptoscope.images.cell_centres import Points, inside_window, no_points
from adaptoscope.images.normalisation import IntensityRange, measure_range
from adaptoscope.images.resampling import Resampling, scaled

Image = npt.NDArray[np.float32]

# The image goes on as its mirror image for this many pixels, so that cells cut by the border have
# a whole one's density, of which the inner half counts.
_BORDER = 16
_GRID = 16


class DensityCounter:
    """A trained density network.

    Parameters
    ----------
    network
        Maps (B, 1, H, W), with H and W multiples of 16, to cells per place.
    stride
        Pixels per place.
    reach
        A place depends on no pixel farther away than this many; a multiple of 16.
    working_diameter
        Cell diameter in pixels that images are brought to.
    diameter_px
        Cell diameter in pixels of the images to count; None measures each image.
    intensity
        Fixed range of intensities; None measures each image's own.
    threshold
        Least height of a peak, as a share of that of one cell alone.
    tile
        Edge of the tiles in pixels, a multiple of 16.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        stride: int,
        reach: int,
        working_diameter: float,
        diameter_px: float | None = None,
        intensity: IntensityRange | None = None,
        threshold: float = 0.4,
        tile: int = 1024,
    ) -> None:
        self.network = network.eval().to(memory_format=torch.channels_last)
        self.stride, self.reach, self.tile = stride, reach, tile
        self.working_diameter = working_diameter
        self.diameter_px = diameter_px
        self.intensity = intensity
        self.threshold = threshold

    @property
    def own_diameter_px(self) -> float | None:
        """Cell diameter in pixels of the images to count; None where each is measured."""
        return self.diameter_px

    def count(self, pixels: Image, *, diameter_px: float | None = None) -> ImageCount:
        """Sum the density of an image of shape (H, W), and find its peaks."""
        diameter = diameter_px or self.diameter_px or _measured_diameter(pixels)
        if not np.isfinite(diameter):
            return ImageCount(0.0, no_points())
        intensity = self.intensity or measure_range(pixels)
        normalised = intensity.apply(pixels)
        height, width = pixels.shape
        change = scaled((height, width), self.working_diameter / diameter)
        total, found = 0.0, [no_points()]
        for tile in self._tiles(change.new_shape):
            shown = _mirrored_part(normalised, change, tile)
            density = self._density(shown)
            total += tile.count(density, self.stride)
            peaks = peaks_of_density(density, self.stride, self.threshold)
            found.append(tile.own(peaks))
        points = change.points_before(np.concatenate(found))
        return ImageCount(max(total, 0.0), points, float(diameter))

    def _tiles(self, shape: tuple[int, int]) -> Iterator["_Tile"]:
        """Divide the image, with what is added at its border, into tiles with margins."""
        ends = [-(-(side + 2 * _BORDER) // _GRID) * _GRID for side in shape]
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
                    (max(first, _BORDER), min(last, _BORDER + side))
                    for (first, last), side in zip(core, shape, strict=True)
                )
                if all(first < last for first, last in own):
                    yield _Tile(shown, own)

    @torch.inference_mode()
    def _density(self, pixels: Image) -> Image:
        device = next(self.network.parameters()).device
        images = torch.from_numpy(pixels[None, None]).to(device, memory_format=torch.channels_last)
        density: Image = self.network(images)[0, 0].float().cpu().numpy()
        return density


@dataclass(frozen=True)
class _Tile:
    """A part of an image; rows and columns from and to, counted from `_BORDER` before the image.

    Parameters
    ----------
    shown
        What the network is shown.
    counted
        What counts in this tile and in no other.
    """

    shown: tuple[tuple[int, int], ...]
    counted: tuple[tuple[int, int], ...]

    def count(self, density: Image, stride: int) -> float:
        """Sum the places that count; one that lies half outside counts half."""
        rows, columns = (
            _shares(first, own, places, stride)
            for (first, _), own, places in zip(self.shown, self.counted, density.shape, strict=True)
        )
        return float(rows @ density.astype(np.float64) @ columns)

    def own(self, points: Points) -> Points:
        """Return those points of the tile that count, in pixels of the image."""
        (top, bottom), (left, right) = self.counted
        placed = points + np.array([first for first, _ in self.shown], dtype=np.float64)
        inside = inside_window(placed, top, left, bottom - top, right - left)
        return np.asarray(placed[inside] - _BORDER)


def _shares(first: int, own: tuple[int, int], places: int, stride: int) -> npt.NDArray[np.float64]:
    """Return how much of each place counts, along one axis."""
    begins = first + stride * np.arange(places)
    covered = np.minimum(begins + stride, own[1]) - np.maximum(begins, own[0])
    return np.asarray(np.clip(covered, 0, stride) / stride)


def _mirrored_part(pixels: Image, change: Resampling, tile: _Tile) -> Image:
    """Cut a tile out of the image at its new size, which goes on as its mirror image."""
    rows, columns = (
        _mirrored(first - _BORDER, last - _BORDER, side)
        for (first, last), side in zip(tile.shown, change.new_shape, strict=True)
    )
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) - top + 1, int(columns.max()) - left + 1
    part = change.part(pixels, top, left, height, width)
    return np.ascontiguousarray(part[np.ix_(rows - top, columns - left)])


def _mirrored(first: int, last: int, length: int) -> npt.NDArray[np.int64]:
    """Give the pixel that each position shows; the outermost pixel is shown twice at the fold."""
    positions = np.arange(first, last) % (2 * length)
    return np.asarray(np.where(positions < length, positions, 2 * length - 1 - positions))


def _measured_diameter(pixels: Image) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return estimate_diameter(pixels)
