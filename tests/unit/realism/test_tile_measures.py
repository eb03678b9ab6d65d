from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.tiles import choose_tiles, cut_tiles
from adaptoscope.images.cell_centres import centres_of_labels
from adaptoscope.images.measurement import segment_nuclei
from adaptoscope.images.normalisation import measure_range
from adaptoscope.metrics.distributions import intensity_histogram
from adaptoscope.metrics.spectra import radial_spectra
from adaptoscope.networks.nuclei_encoder import NucleiEncoder
from adaptoscope.realism.tile_measures import (
    CELLS_OF_A_TILE,
    TileProbe,
    measure_tiles,
)
from tests.unit.style_transfer.conftest import write_set

# 112 x 170 holds 3 x 5 tiles of 32 with gaps, and neither side is a multiple.
SHAPE, EDGE = (112, 170), 32


class Means(NucleiEncoder):
    """An encoder whose features are mean and deviation of its input."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        statistics = [images.mean((2, 3)), images.std((2, 3))]
        return torch.cat(statistics, 1)[:, :, None, None].expand(-1, -1, 2, 2)

    def with_stages(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The stages are the image itself, and where each pixel of a coarser map lies."""
        rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
        places = torch.stack([rows, columns]).expand(len(images), -1, -1, -1)
        return self(images), [images, places]


PROBE = TileProbe(Means(), torch.device("cpu"), EDGE, bins=6, floor=1e-6, batch=4)


@pytest.fixture
def images(tmp_path: Path) -> CountedImageSet:
    return write_set(tmp_path / "set", 2, SHAPE)


def test_measures_are_those_of_each_tile(images: CountedImageSet) -> None:
    tiles = choose_tiles(images, EDGE, 9)
    found = measure_tiles(images, tiles, PROBE, "measure")
    pictures = list(cut_tiles(images, tiles))
    assert (len(found), found.images) == (9, 2)
    assert found.features.shape == (9, 2)
    np.testing.assert_allclose(found.spectra, radial_spectra(pictures, bins=6, floor=1e-6))
    np.testing.assert_array_equal(
        found.histogram(), sum(intensity_histogram(picture) for picture in pictures)
    )
    assert found.all_sharpness().size == sum(len(one) for one in found.sharpness)
    assert found.all_sharpness().size > 0
    assert found.cells_per_mpx.max() >= 1e6 / EDGE**2


def test_stages_are_read_at_cells(images: CountedImageSet) -> None:
    tiles = choose_tiles(images, EDGE, 9)
    found = measure_tiles(images, tiles, PROBE, "measure")
    seen = found.cells_per_mpx.sum() * EDGE**2 * 1e-6
    assert len(found.all_cell_features()) == pytest.approx(seen)
    assert seen > 0
    for picture, read in zip(cut_tiles(images, tiles), found.cell_features, strict=True):
        labels, _ = segment_nuclei(picture)
        centres = centres_of_labels(labels)
        assert len(read) == min(len(centres), CELLS_OF_A_TILE)
        if len(centres) and len(centres) <= CELLS_OF_A_TILE:
            rows, columns = np.floor(centres + 0.5).astype(int).T
            seen = measure_range(picture).apply(picture)
            np.testing.assert_array_equal(read[:, 0], seen[rows, columns])
            np.testing.assert_array_equal(read[:, 1:], (centres + 0.5) // 4)


def test_measures_do_not_depend_on_the_batch(images: CountedImageSet) -> None:
    tiles = choose_tiles(images, EDGE, 9)
    one = measure_tiles(
        images, tiles, TileProbe(Means(), torch.device("cpu"), EDGE, 6, 1e-6, 1), ""
    )
    many = measure_tiles(images, tiles, PROBE, "")
    np.testing.assert_allclose(one.features, many.features, rtol=1e-5)


def test_brightness_does_not_reach_the_encoder(tmp_path: Path, images: CountedImageSet) -> None:
    from adaptoscope.datasets.writing import CountedImageWriter

    writer = CountedImageWriter(tmp_path / "dim", {}, "Dim")
    for record in images:
        writer.add(record.stem, images.read(record).pixels / 2, bit_depth=16, points=None)
    dim = writer.finish("Dim.")
    one, other = (
        measure_tiles(of, choose_tiles(of, EDGE, 9), PROBE, "").features for of in (images, dim)
    )
    np.testing.assert_allclose(one, other, atol=0.02)


def test_chosen_tiles_keep_their_measures(images: CountedImageSet) -> None:
    found = measure_tiles(images, choose_tiles(images, EDGE, 9), PROBE, "")
    part = found.chosen([7, 2])
    assert part.tiles == (found.tiles[7], found.tiles[2])
    np.testing.assert_array_equal(part.features, found.features[[7, 2]])
    assert part.histogram().sum() == 2 * EDGE**2
