from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.tiles import choose_tiles, cut_tiles
from adaptoscope.datasets.writing import CountedImageWriter
from tests.unit.style_transfer.conftest import write_set

# 112 x 170 holds 3 x 5 tiles of 32 with gaps, and neither side is a multiple.
SHAPE, EDGE = (112, 170), 32


@pytest.fixture
def images(tmp_path: Path) -> CountedImageSet:
    return write_set(tmp_path / "set", 2, SHAPE)


def test_tiles_do_not_overlap_and_reach_every_border(images: CountedImageSet) -> None:
    tiles = choose_tiles(images, EDGE, 1000)
    assert len(tiles) == 2 * 15
    covered = np.zeros(SHAPE, int)
    for tile in tiles[:15]:
        top, left, height, width = tile.window
        covered[top : top + height, left : left + width] += 1
    assert covered.max() == 1
    assert covered[[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [1, 1, 1, 1]


def test_a_limit_takes_tiles_from_all_images(images: CountedImageSet) -> None:
    tiles = choose_tiles(images, EDGE, 7)
    assert len(tiles) == 7
    assert {tile.record.name for tile in tiles} == {"field_00.png", "field_01.png"}


def test_an_image_of_one_tile_is_cut_in_its_middle(images: CountedImageSet) -> None:
    tile = choose_tiles(images, 100, 1000)[0]
    assert (tile.window.top, tile.window.left) == (6, 35)


def test_the_source_of_a_stylised_tile_is_its_real_image(tmp_path: Path) -> None:
    writer = CountedImageWriter(tmp_path, {}, "Stylised")
    writer.add("a", np.full((40, 40), 0.1), points=None, style="real_7.png")
    writer.add("b", np.full((40, 40), 0.1), points=None)
    sources = [tile.source for tile in choose_tiles(writer.finish("."), 40, 10)]
    assert sources == ["real_7.png", "b.png"]


def test_tiles_are_cut_where_they_were_chosen(images: CountedImageSet) -> None:
    tiles = choose_tiles(images, EDGE, 9)
    for tile, picture in zip(tiles, cut_tiles(images, tiles), strict=True):
        top, left, height, width = tile.window
        whole = images.read(tile.record).pixels
        np.testing.assert_array_equal(picture, whole[top : top + height, left : left + width])
