"""Tiled, stripped and uncompressed TIFFs, read in parts."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile

from adaptoscope.imageio.colour_tables import grey_table
from adaptoscope.imageio.stored_parts import LARGEST_BLOCK, Block, StoredParts
from adaptoscope.imageio.stored_planes import MAX_BYTES, choose_plane, decoding
from adaptoscope.imageio.tiff_files import TIFF, only_series
from adaptoscope.imageio.tiff_pixel_size import tiff_pixel_size

# A megabyte of 16 bits, as large as usual tiles.
_UNCOMPRESSED_BLOCK = (512, 1024)

_DecodePlane = Callable[[int, int], Block]


def open_tiff_parts(
    path: Path, *, channel: int | None = None, z: int | Literal["max"] | None = None
) -> StoredParts | None:
    """Open one plane of a TIFF without decoding it; to be closed.

    None where any part would need more than 128 MiB decoded, as in a compressed file with a single
    strip, or where the planes are stored in an order that is not supported.
    """
    with decoding(path, TIFF):
        file = tifffile.TiffFile(path)
    try:
        with decoding(path, TIFF):
            parts = _parts(path, file, channel, z)
    except Exception:
        file.close()
        raise
    if parts is None:
        file.close()
    return parts


def _parts(
    path: Path, file: tifffile.TiffFile, channel: int | None, z: int | Literal["max"] | None
) -> StoredParts | None:
    series = only_series(path, file, whole=False)
    # Whether a colour image is a grey one, all of it has to be looked at.
    is_undecided = channel is None and "S" in series.axes and series.nbytes <= MAX_BYTES
    if is_undecided or grey_table(path, series) is not None:
        return None
    chosen = choose_plane(series.axes, series.shape, path, channel=channel, z=z)
    lengths = dict(zip(series.axes, series.shape, strict=True))
    if series.axes.index("Y") > series.axes.index("X"):
        return None
    if series.dataoffset is not None:
        block, planes = _UNCOMPRESSED_BLOCK, _planes_in_place(path, file, series, chosen)
    else:
        found = _planes_of_pages(path, series, chosen)
        if found is None:
            return None
        block, planes = found
    return StoredParts(
        path,
        shape=(lengths["Y"], lengths["X"]),
        dtype=series.dtype.newbyteorder("="),
        block=block,
        decode=_brightest(path, planes),
        close=file.close,
        pixel_size=tiff_pixel_size(path, file),
        has_channels=any(letter in "CS" for letter in series.axes),
    )


def _brightest(path: Path, planes: list[_DecodePlane]) -> _DecodePlane:
    """Return what decodes the brightest values of some planes, one plane at a time."""

    def decode(row: int, column: int) -> Block:
        with decoding(path, TIFF):
            values = planes[0](row, column)
            for plane in planes[1:]:
                values = np.maximum(values, plane(row, column))
        return values

    return decode


def _planes_in_place(
    path: Path,
    file: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    chosen: list[Any],
) -> list[_DecodePlane]:
    """Read planes that lie uncompressed in one piece."""
    height, width = _UNCOMPRESSED_BLOCK

    def plane(place: tuple[Any, ...]) -> _DecodePlane:
        def decode(row: int, column: int) -> Block:
            # Mapped anew each time: what stays mapped would count as memory in use.
            stored = np.memmap(
                path,
                dtype=series.dtype.newbyteorder(file.byteorder),
                mode="r",
                offset=series.dataoffset or 0,
                shape=series.shape,
            )
            rows = slice(row * height, (row + 1) * height)
            return np.array(stored[place][rows, column * width : (column + 1) * width])

        return decode

    return [plane(place) for place in _single_planes(series, chosen)]


def _planes_of_pages(
    path: Path, series: tifffile.TiffPageSeries, chosen: list[Any]
) -> tuple[tuple[int, int], list[_DecodePlane]] | None:
    """Read planes whose pages are stored in tiles or strips."""
    page = series.keyframe
    leading = series.axes[: len(series.axes) - len(page.axes)]
    numbers = series.shape[: len(leading)]
    known = page.axes in ("YX", "YXS", "SYX") and series.axes == leading + page.axes
    if not known or len(series.pages) != prod(numbers) or page.shaped[1] != 1:
        return None
    down, across = page.rowsperstrip, page.imagewidth
    if page.is_tiled:
        down, across = page.tilelength, page.tilewidth
    block = (min(down, page.imagelength), across)
    if prod(block) * page.shaped[4] * series.dtype.itemsize > LARGEST_BLOCK:
        return None
    planes = []
    for place in _single_planes(series, chosen):
        fixed = dict(zip(series.axes, place, strict=True))
        before = [int(fixed[letter]) for letter in leading]
        index = int(np.ravel_multi_index(before, numbers)) if leading else 0
        planes.append(_page_decoder(series, index, int(fixed.get("S", 0)), block))
    return block, planes


def _page_decoder(
    series: tifffile.TiffPageSeries, index: int, sample: int, block: tuple[int, int]
) -> _DecodePlane:
    page: Any = series.pages[index]
    key = page.keyframe
    across, down = ceil(key.imagewidth / block[1]), ceil(key.imagelength / block[0])
    separate = key.axes == "SYX"

    def decode(row: int, column: int) -> Block:
        segment = row * across + column + (sample * across * down if separate else 0)
        if not page.databytecounts[segment]:
            return np.full(block, page.nodata, dtype=series.dtype)
        source = key.parent.filehandle
        source.seek(page.dataoffsets[segment])
        data = source.read(page.databytecounts[segment])
        values, _, _ = key.decode(data, segment, jpegtables=page.jpegtables)
        if values is None:
            raise ValueError(f"block {segment} is empty")
        decoded: Block = values[0, :, :, 0 if separate else sample]
        return decoded

    return decode


def _single_planes(series: tifffile.TiffPageSeries, chosen: list[Any]) -> list[tuple[Any, ...]]:
    """Return the places of the planes that were chosen: one, or all of a stack."""
    stacks = [
        axis
        for axis, place in enumerate(chosen)
        if isinstance(place, slice) and series.axes[axis] not in "YX"
    ]
    if not stacks:
        return [tuple(chosen)]
    (axis,) = stacks
    numbers = range(series.shape[axis])
    return [(*chosen[:axis], number, *chosen[axis + 1 :]) for number in numbers]
