"""What is seen of an image: tiles of it at the size of the screen, however large the image is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from adaptoscope.counting.images_to_count import opened_image
from adaptoscope.imageio.files import read_header
from adaptoscope.imageio.large_images import LargeImage
from adaptoscope.imageio.readers import is_image_folder

TILE = 256
"""Edge of a tile in pixels of the screen."""

Plane = int | Literal["max"] | None
Levels = NDArray[np.uint16]

# Reading a tile at this level takes 2,048 x 2,048 stored pixels: some 40 ms.
_DEEPEST_READ = 3
_MOST_PIXELS = 1_000_000_000
# Images that are kept open: the one that is looked at, its neighbours, those of other people.
_KEPT = 12
_SHOWN = (0.5, 99.8)


@dataclass(frozen=True)
class Facts:
    """What a page has to know before it asks for tiles.

    Parameters
    ----------
    height, width
        In pixels.
    levels
        Number of sizes: at level k a pixel of a tile is the mean of 2^k x 2^k.
    low, high
        Stored values that are shown as black and as white to begin with.
    largest
        Largest stored value that can be.
    pixel_size_um
        Edge of a pixel, where the file tells it.
    """

    height: int
    width: int
    levels: int
    low: float
    high: float
    largest: int
    pixel_size_um: float | None


@dataclass
class OpenedImage:
    """One plane of an image whose tiles are asked for.

    Parameters
    ----------
    plane
        Stored values of shape (H, W), or an image that stays on disk.
    """

    plane: NDArray[np.generic] | LargeImage
    pixel_size_um: float | None
    held: ExitStack
    lock: threading.Lock = field(default_factory=threading.Lock)
    small: dict[int, Levels] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.plane.shape[0], self.plane.shape[1]

    def facts(self) -> Facts:
        """Measure what the page has to know."""
        height, width = self.shape
        levels = max(0, int(np.ceil(np.log2(max(height, width) / TILE)))) + 1
        with self.lock:
            seen = self._level(min(levels - 1, _DEEPEST_READ if self._is_large else 1))
        low, high = (float(each) for each in np.percentile(seen, _SHOWN))
        return Facts(
            height, width, levels, low, max(high, low + 1), self._largest, self.pixel_size_um
        )

    def tile(self, level: int, row: int, column: int) -> Levels:
        """Return a tile, shape (256, 256), uint16, 0 beyond the image.

        Parameters
        ----------
        level
            Of the pyramid, from 0 for single pixels.
        row, column
            Number of the tile at that level, from 0.
        """
        tile = np.zeros((TILE, TILE), dtype=np.uint16)
        top, left = row * TILE, column * TILE
        with self.lock:
            if self._is_large and level < _DEEPEST_READ:
                part = _halved(self._stored(top, left, TILE, level), level)
            else:
                part = self._level(level)[top : top + TILE, left : left + TILE]
        tile[: part.shape[0], : part.shape[1]] = part[:TILE, :TILE]
        return tile

    @property
    def _is_large(self) -> bool:
        return isinstance(self.plane, LargeImage)

    @property
    def _largest(self) -> int:
        kind = self.plane.parts.dtype if isinstance(self.plane, LargeImage) else self.plane.dtype
        return 255 if kind.itemsize == 1 else 65535

    def _stored(self, top: int, left: int, side: int, level: int) -> NDArray[np.generic]:
        rows = slice(top << level, (top + side) << level)
        columns = slice(left << level, (left + side) << level)
        assert isinstance(self.plane, LargeImage)
        return self.plane.parts.read(rows, columns)

    def _level(self, level: int) -> Levels:
        """Return the whole image at a level, made from the one below and then kept."""
        made = self.small.get(level)
        if made is None:
            if isinstance(self.plane, LargeImage) and level <= _DEEPEST_READ:
                made = self._overview(level)
            elif level == 0:
                made = np.asarray(self.plane).astype(np.uint16)
            else:
                made = _halved(self._level(level - 1), 1)
            self.small[level] = made
        return made

    def _overview(self, level: int) -> Levels:
        """Read a large image once, in bands."""
        height, width = (-(-side // (1 << level)) for side in self.shape)
        bands = []
        for top in range(0, height, TILE):
            rows = slice(top << level, (top + TILE) << level)
            assert isinstance(self.plane, LargeImage)
            bands.append(_halved(self.plane.parts.read(rows, slice(None)), level))
        return np.concatenate(bands)[:height, :width]


def _halved(values: NDArray[np.generic], times: int) -> Levels:
    """Make an image smaller by means over 2 x 2 pixels, the last ones repeated where one is odd."""
    block = 1 << times
    if block == 1:
        return values.astype(np.uint16)
    height, width = values.shape
    if not height or not width:
        return np.zeros((0, 0), dtype=np.uint16)
    padded = np.pad(values, ((0, -height % block), (0, -width % block)), mode="edge")
    parts = padded.reshape(padded.shape[0] // block, block, padded.shape[1] // block, block)
    means: NDArray[np.float32] = parts.mean(axis=(1, 3), dtype=np.float32)
    return np.rint(means).astype(np.uint16)


class OpenedImages:
    """The images that were looked at last, kept open."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], OpenedImage] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, path: Path, channel: int | None, z: Plane) -> OpenedImage:
        """Open an image, or return it where it is open and the file has not changed.

        Raises
        ------
        InputError
            If the image cannot be read, or a channel or plane has to be chosen.
        """
        key = (path, path.stat().st_mtime_ns if path.exists() else 0, channel, z)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        opened = _open(path, channel, z)
        with self._lock:
            self._kept[key] = opened
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)[1].held.close()
        return opened


def _open(path: Path, channel: int | None, z: Plane) -> OpenedImage:
    held = ExitStack()
    image = held.enter_context(
        opened_image(path, channel=channel, z=z, max_pixels=_MOST_PIXELS, in_parts=True)
    )
    if isinstance(image, LargeImage):
        return OpenedImage(image, image.pixel_size_um, held)
    held.close()
    return OpenedImage(image.stored, image.pixel_size_um, ExitStack())


def channels_of(path: Path) -> int:
    """Return how many channels a file says it has; 1 for OME-Zarr, whose error says it."""
    return 1 if is_image_folder(path) else read_header(path).channels
