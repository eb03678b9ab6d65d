"""Square tiles of the images of a set, without overlap: what sets are compared on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.images.windows import Window, cut_window

Item = TypeVar("Item")


@dataclass(frozen=True)
class Tile:
    """A square part of an image."""

    record: ImageRecord
    window: Window

    @property
    def source(self) -> str:
        """Real image that the tile was cut from, or that a stylised image was made after."""
        return self.record.style or self.record.name


def choose_tiles(images: CountedImageSet, edge: int, most: int) -> list[Tile]:
    """Choose tiles that lie wholly inside their images and do not overlap, in their order.

    As many rows and columns as fit, with even gaps, and of these at most `most`, evenly.
    """
    tiles = [
        Tile(record, Window(top, left, edge, edge))
        for record in images
        for top in _starts(images.size(record)[0], edge)
        for left in _starts(images.size(record)[1], edge)
    ]
    return evenly_spread(tiles, most)


def evenly_spread(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most so many of some things, evenly over their order."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round()
    return [items[int(place)] for place in places]


def cut_tiles(images: CountedImageSet, tiles: Sequence[Tile]) -> Iterator[NDArray[np.float32]]:
    """Cut tiles, shape (edge, edge), in [0, 1] of the stored range, out of the set they are of.

    Each image is read once where its tiles follow each other.
    """
    name, pixels = "", np.zeros((0, 0), dtype=np.float32)
    for tile in tiles:
        if tile.record.file_name != name:
            name, pixels = tile.record.file_name, images.read(tile.record).pixels
        yield cut_window(pixels, tile.window)


def _starts(side: int, edge: int) -> list[int]:
    number = side // edge
    if number == 1:
        return [(side - edge) // 2]
    return [int(start) for start in np.linspace(0, side - edge, number).round()]
