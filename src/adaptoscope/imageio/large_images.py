"""Images that are too large to be held in memory: they stay on disk and are read in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.imageio.microscopy_image import MicroscopyImage, image_of_counts
from adaptoscope.imageio.pixel_size import PixelSize
from adaptoscope.imageio.readers import reader_of
from adaptoscope.imageio.stored_parts import StoredParts
from adaptoscope.imageio.stored_planes import as_counts, check_size

FloatImage = NDArray[np.float32]


class Pixels(Protocol):
    """Pixels of shape (H, W) of which parts can be had: an array, or an image on disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        ...

    def __getitem__(self, place: tuple[slice, slice], /) -> FloatImage:
        """Return some rows and columns, float32."""
        ...


WHOLE_PIXELS = 64_000_000
"""Images of more pixels are large: read in parts where that can be done, and measured on a sample
of windows instead of every pixel."""

# 16 windows of a megapixel: enough cells to measure, at a bounded time.
_SAMPLE_SIDE = 1024
_SAMPLE_WINDOWS = 16


@dataclass(frozen=True, eq=False)
class LargeImage:
    """One channel of one field of view that stays on disk; attributes as of `MicroscopyImage`."""

    name: str
    parts: StoredParts
    pixel_size_um: float | None
    channel: int | None
    pixel_size_remark: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.parts.shape

    def __getitem__(self, place: tuple[slice, slice]) -> FloatImage:
        """Return some rows and columns, float32 in [0, 1] of the full stored range."""
        stored = as_counts(self.parts.read(*place), self.parts.path, is_whole=False)
        return IntensityScale.full_range(stored.dtype.itemsize * 8).to_unit(stored)

    def whole(self, *, max_pixels: int) -> MicroscopyImage:
        """Read the whole image into memory."""
        height, width = self.shape
        stored_bytes = height * width * self.parts.dtype.itemsize
        check_size(self.parts.path, height, width, stored_bytes, max_pixels=max_pixels)
        stored = as_counts(self.parts.read(slice(None), slice(None)), self.parts.path)
        size = PixelSize(self.pixel_size_um, self.pixel_size_remark)
        return image_of_counts(self.name, stored, size, channel=self.channel)


@contextmanager
def large_image(
    path: Path, *, channel: int | None = None, z: int | Literal["max"] | None = None
) -> Iterator[LargeImage | None]:
    """Open an image to be read in parts, whatever its size.

    Yields None where the file can be read whole only: PNG, and TIFF with a single compressed strip.
    """
    opened = stored_parts(path, channel=channel, z=z)
    if opened is None:
        yield None
        return
    try:
        chosen = channel if opened.has_channels else None
        size = opened.pixel_size
        yield LargeImage(path.name, opened, size.um, chosen, size.remark)
    finally:
        opened.close()


def stored_parts(
    path: Path, *, channel: int | None = None, z: int | Literal["max"] | None = None
) -> StoredParts | None:
    """Open the stored plane of an image, as `large_image` does; to be closed."""
    return reader_of(path).open_parts(path, channel=channel, z=z)


def is_large(shape: tuple[int, ...]) -> bool:
    """Tell whether an image of this height and width is a large one."""
    return shape[0] * shape[1] > WHOLE_PIXELS


def sample_of(pixels: Pixels) -> FloatImage:
    """Return windows of an image side by side, from which intensities and cells are measured.

    The whole image if it is not large. Else about 16 windows of 1024 pixels in a regular grid over
    it, always the same ones.
    """
    height, width = pixels.shape
    if not is_large((height, width)):
        return pixels[:, :]
    down = round(_SAMPLE_WINDOWS**0.5 * (height / width) ** 0.5)
    down = min(max(1, down), max(1, height // _SAMPLE_SIDE), _SAMPLE_WINDOWS)
    across = max(1, min(_SAMPLE_WINDOWS // down, width // _SAMPLE_SIDE))
    rows, columns = _grid(height, down), _grid(width, across)
    return np.concatenate(
        [np.concatenate([pixels[row, column] for column in columns], axis=1) for row in rows]
    )


def _grid(length: int, number: int) -> list[slice]:
    """Return windows along one axis, in the middles of equal shares of it."""
    side = min(_SAMPLE_SIDE, length)
    middles = (np.arange(number) + 0.5) * length / number
    starts = np.floor(middles - side / 2).astype(int)
    return [slice(int(start), int(start) + side) for start in starts]


def average_blocks(pixels: Pixels, longest: int) -> tuple[FloatImage, int]:
    """Return an image made smaller by means over blocks, read in bands, and the edge of a block.

    Blocks are as large as needed for the longer side to have fewer than twice `longest` pixels.
    What fills no block at the lower and right border is left out.
    """
    height, width = pixels.shape
    block = min(max(1, max(height, width) // longest), height, width)
    across = width // block
    # Whole rows first: the processor adds them many pixels at a time.
    bands = [
        pixels[top : top + block, : across * block].sum(axis=0)
        for top in range(0, height // block * block, block)
    ]
    sums = np.stack(bands).reshape(len(bands), across, block).sum(axis=2)
    return sums / np.float32(block**2), block
