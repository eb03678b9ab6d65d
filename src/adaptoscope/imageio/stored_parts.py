"""A stored plane of which only the parts that are asked for are decoded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.imageio.pixel_size import PixelSize

LARGEST_BLOCK = 128 * 2**20
"""Most bytes of one decoded block, all the planes in it together."""

# Bytes of decoded blocks that are kept.
_KEPT = 256 * 2**20

Block = NDArray[np.generic]


class StoredParts:
    """A plane that is stored in blocks of equal size, such as the tiles or strips of a TIFF.

    Decoded blocks are kept, up to 256 MiB, so that neighbouring parts do not decode them again.

    Parameters
    ----------
    path
        To be named in errors.
    shape, block
        Height and width of the plane, and of a block, in pixels.
    decode
        Maps the number of a block, counted along rows and columns, to its values; those of the
        last blocks may go on beyond the plane.
    """

    def __init__(
        self,
        path: Path,
        *,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        block: tuple[int, int],
        decode: Callable[[int, int], Block],
        close: Callable[[], None],
        pixel_size: PixelSize,
        has_channels: bool,
    ) -> None:
        self.path = path
        self.shape, self.dtype, self.block = shape, dtype, block
        self.pixel_size, self.has_channels = pixel_size, has_channels
        self.close = close
        self._decode = decode
        self._kept: OrderedDict[tuple[int, int], Block] = OrderedDict()
        self._bytes = 0

    def read(self, rows: slice, columns: slice) -> Block:
        """Return the values, as stored, of some rows and columns; what lies outside is left out."""
        top, bottom, _ = rows.indices(self.shape[0])
        left, right, _ = columns.indices(self.shape[1])
        part = np.empty((max(0, bottom - top), max(0, right - left)), dtype=self.dtype)
        if not part.size:
            return part
        for row in range(top // self.block[0], -(-bottom // self.block[0])):
            for column in range(left // self.block[1], -(-right // self.block[1])):
                first, before = row * self.block[0], column * self.block[1]
                values = self._block(row, column)
                values = values[max(0, top - first) :, max(0, left - before) :]
                place = max(0, first - top), max(0, before - left)
                there = part[place[0] :, place[1] :]
                height, width = (min(pair) for pair in zip(there.shape, values.shape, strict=True))
                there[:height, :width] = values[:height, :width]
        return part

    def _block(self, row: int, column: int) -> Block:
        key = (row, column)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        height = min(self.block[0], self.shape[0] - row * self.block[0])
        width = min(self.block[1], self.shape[1] - column * self.block[1])
        values = np.ascontiguousarray(self._decode(row, column)[:height, :width], dtype=self.dtype)
        self._kept[key] = values
        self._bytes += values.nbytes
        while self._bytes > _KEPT and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return values
