"""What realism is measured on: square tiles of a set of images, reduced to a few numbers each."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.tiles import Tile, cut_tiles, evenly_spread
from adaptoscope.images.cell_centres import Points, centres_of_labels
from adaptoscope.images.edge_sharpness import edge_sharpness
from adaptoscope.images.measurement import segment_nuclei
from adaptoscope.images.normalisation import measure_range
from adaptoscope.metrics.distributions import LEVELS, Histogram, intensity_histogram
from adaptoscope.metrics.spectra import radial_spectra
from adaptoscope.realism.feature_encoders import FeatureEncoder
from adaptoscope.training.progress import progress

FloatArray = NDArray[np.float64]

CELLS_OF_A_TILE = 6
"""Nuclei of a tile that are looked at one by one, so that dense tiles do not outweigh the rest."""


@dataclass(frozen=True)
class TileProbe:
    """How tiles are looked at, the same for all sets of a comparison.

    `edge` is that of the tiles in pixels, `bins` and `floor` are as in `radial_spectra`, and
    `batch` tiles pass the encoder, which stands on `device`, at once.
    """

    encoder: FeatureEncoder
    device: torch.device
    edge: int
    bins: int
    floor: float
    batch: int


@dataclass(frozen=True, eq=False)
class TileMeasures:
    """Measures of the tiles of a set, one entry or row per tile.

    Parameters
    ----------
    features
        Shape (N, F): the encoder's features, averaged over the tile.
    cell_features
        Per tile, shape (C, S): the features of the encoder's stages at the centres of at most six
        of its nuclei, spread evenly over those that were seen; S is 0 without stages.
    spectra
        Shape (N, K), in dB.
    histograms
        Levels that occur, 0 to 65535, and how often.
    sharpness
        Of the border of each nucleus that was seen, in 1/px.
    cells_per_mpx, diameters
        Shape (N,): nuclei seen without labels, per million pixels, and their median diameter in
        pixels, NaN where none was seen.
    """

    tiles: tuple[Tile, ...]
    features: NDArray[np.float32]
    cell_features: tuple[NDArray[np.float32], ...]
    spectra: FloatArray
    histograms: tuple[tuple[NDArray[np.uint16], NDArray[np.uint32]], ...]
    sharpness: tuple[FloatArray, ...]
    cells_per_mpx: FloatArray
    diameters: FloatArray

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self.tiles)

    @property
    def sources(self) -> tuple[str, ...]:
        """Source of every tile."""
        return tuple(tile.source for tile in self.tiles)

    @property
    def names(self) -> tuple[str, ...]:
        """File name of the image that every tile was cut from."""
        return tuple(tile.record.file_name for tile in self.tiles)

    @property
    def names_of_cells(self) -> tuple[str, ...]:
        """The same for every row of `all_cell_features`."""
        pairs = zip(self.names, self.cell_features, strict=True)
        return tuple(name for name, features in pairs for _ in features)

    @property
    def images(self) -> int:
        """Number of images that the tiles were cut from."""
        return len(set(self.names))

    def chosen(self, rows: Sequence[int] | NDArray[np.intp]) -> "TileMeasures":
        """Return the measures of some of the tiles."""
        return TileMeasures(
            **{field.name: _rows_of(getattr(self, field.name), rows) for field in fields(self)}
        )

    def histogram(self) -> Histogram:
        """Return the histogram of all tiles together, shape (65536,)."""
        total = np.zeros(LEVELS, dtype=np.int64)
        for levels, numbers in self.histograms:
            total[levels] += numbers
        return total

    def all_cell_features(self) -> NDArray[np.float32]:
        """Return the features at all nuclei together, shape (M, S)."""
        return np.concatenate(self.cell_features)

    def all_sharpness(self) -> FloatArray:
        """Return the sharpness of all nuclei together."""
        return np.concatenate(self.sharpness) if self.sharpness else np.zeros(0)


def measure_tiles(
    images: CountedImageSet, tiles: Sequence[Tile], probe: TileProbe, description: str
) -> TileMeasures:
    """Measure at least one tile, one batch after the other; labels are not read.

    Each tile is normalised by itself, as the encoder was trained, so that a tile of a large real
    image and a small drawing are seen alike.
    """
    features, spectra, histograms, sharpness, densities, diameters = [], [], [], [], [], []
    cell_features = []
    pictures = progress(cut_tiles(images, tiles), description, len(tiles), unit="tile")
    while batch := list(islice(pictures, probe.batch)):
        averages, stages = _features(batch, probe)
        features.append(averages)
        spectra.append(radial_spectra(batch, bins=probe.bins, floor=probe.floor))
        for place, picture in enumerate(batch):
            histograms.append(_sparse(intensity_histogram(picture)))
            labels, diameter = segment_nuclei(picture)
            sharpness.append(edge_sharpness(picture, labels))
            densities.append(float(labels.max()) / picture.size * 1e6)
            diameters.append(diameter)
            centres = centres_of_labels(labels)
            cell_features.append(_at_cells([stage[place] for stage in stages], centres, probe.edge))
    return TileMeasures(
        tiles=tuple(tiles),
        features=np.concatenate(features),
        cell_features=tuple(cell_features),
        spectra=np.concatenate(spectra),
        histograms=tuple(histograms),
        sharpness=tuple(sharpness),
        cells_per_mpx=np.array(densities),
        diameters=np.array(diameters),
    )


@torch.no_grad()
def _features(
    batch: Sequence[NDArray[np.float32]], probe: TileProbe
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Return averages, shape (B, F), and the maps of the stages, shapes (B, C, h, w)."""
    seen = np.stack([measure_range(picture).apply(picture) for picture in batch])[:, None]
    maps, stages = probe.encoder.with_stages(torch.from_numpy(seen).to(probe.device))
    pooled: NDArray[np.float32] = maps.mean(dim=(2, 3)).float().cpu().numpy()
    return pooled, [stage.float().cpu().numpy() for stage in stages]


def _at_cells(
    stages: Sequence[NDArray[np.float32]], centres: Points, edge: int
) -> NDArray[np.float32]:
    """Read maps of shape (C, h, w) off at some of the cells, shape (cells, sum of C)."""
    chosen = centres[evenly_spread(range(len(centres)), CELLS_OF_A_TILE)]
    columns = [np.zeros((len(chosen), 0), dtype=np.float32)]
    for stage in stages:
        places = ((chosen + 0.5) * np.array(stage.shape[1:]) / edge).astype(np.intp)
        columns.append(stage[:, places[:, 0], places[:, 1]].T)
    return np.concatenate(columns, axis=1)


def _sparse(histogram: Histogram) -> tuple[NDArray[np.uint16], NDArray[np.uint32]]:
    levels = np.flatnonzero(histogram)
    return levels.astype(np.uint16), histogram[levels].astype(np.uint32)


def _rows_of(values: Any, rows: Sequence[int] | NDArray[np.intp]) -> Any:
    return values[rows] if isinstance(values, np.ndarray) else tuple(values[row] for row in rows)
