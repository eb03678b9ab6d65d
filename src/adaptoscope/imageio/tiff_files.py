"""TIFF in and out: axes and pixel size as ImageJ, OME and plain files record them."""

from __future__ import annotations

import hashlib
import logging
import os
import struct
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.colour_tables import grey_table
from adaptoscope.imageio.ome_planes import own_series
from adaptoscope.imageio.stored_planes import ImageHeader, StoredPlanes, check_size, decoding
from adaptoscope.imageio.tiff_pixel_size import SOFTWARE, tiff_pixel_size

TIFF = "TIFF file with a supported compression"
# Of TIFF's photometric interpretations.
_MIN_IS_WHITE = 0
# Where tifffile looks whether the pages go round.
_SHORT_CIRCLE = 100
# Flags of a page that is a reduced copy of another one, or its transparency.
_REDUCED = 1 | 4
# A page of other proportions that is no larger is a thumbnail or the label of a slide.
_HALF = 0.5

# What tifffile prints about odd files reaches the user as an error of ours, or does not matter.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False


def read_tiff_header(path: Path) -> ImageHeader:
    """Read the size of a TIFF's planes without decoding them."""
    with _opened(path) as file:
        series = only_series(path, file)
        lengths = dict(zip(series.axes, series.shape, strict=True))
        bits = 8 if series.dtype == np.uint8 else 16
        channels = lengths.get("C", lengths.get("S", 1))
        return ImageHeader(lengths["Y"], lengths["X"], bits, channels)


def read_tiff(path: Path, *, max_pixels: int | None = None, labels: bool = False) -> StoredPlanes:
    """Read all planes of a TIFF: uint8, uint16 or floating point, axes as the file names them.

    `max_pixels` is the most pixels of a plane, in place of the usual limit on its sides. `labels`
    stand for themselves where there is a colour table.
    """
    with _opened(path) as file:
        series = only_series(path, file, max_pixels=max_pixels)
        # One thread: pages are decoded in this one, and results do not depend on the machine.
        values: NDArray[Any] = series.asarray(maxworkers=1)
        greys = None if labels else grey_table(path, series)
        if greys is not None:
            values = greys[values]
        size = tiff_pixel_size(path, file)
        return StoredPlanes(values.reshape(series.shape), series.axes, size)


def write_tiff(
    path: Path,
    stored: NDArray[np.uint8] | NDArray[np.uint16],
    pixel_size_um: float | None,
    *,
    ome: bool,
) -> None:
    """Write one channel without loss, as OME or ImageJ TIFF; None leaves the pixel size out."""
    if ome:
        digest = hashlib.sha256(stored.tobytes()).hexdigest()
        metadata: dict[str, Any] = {
            "axes": "YX",
            "UUID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        }
        if pixel_size_um is not None:
            for side in "XY":
                metadata[f"PhysicalSize{side}"] = pixel_size_um
                metadata[f"PhysicalSize{side}Unit"] = "µm"
        tifffile.imwrite(
            path,
            stored,
            ome=True,
            photometric="minisblack",
            metadata=metadata,
            software=SOFTWARE,
        )
        return
    metadata = {"axes": "YX"} if pixel_size_um is None else {"axes": "YX", "unit": "um"}
    resolution = None if pixel_size_um is None else (1 / pixel_size_um, 1 / pixel_size_um)
    tifffile.imwrite(
        path, stored, imagej=True, resolution=resolution, metadata=metadata, software=SOFTWARE
    )


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    with decoding(path, TIFF), tifffile.TiffFile(path) as file:
        yield file


def only_series(
    path: Path, file: tifffile.TiffFile, *, whole: bool = True, max_pixels: int | None = None
) -> tifffile.TiffPageSeries:
    """Return the one image of a file, with its channels and focal planes.

    Unless it is read in parts, one that is too large to be read whole is refused.
    """
    _check_page_number(path, file)
    only = own_series(path, file) or _only_full(path, file)
    _check_kind(path, only)
    lengths = dict(zip(only.axes, only.shape, strict=True))
    if not all(isinstance(lengths.get(axis), Integral) for axis in "YX"):
        raise InputError(
            f"The image {path} has no rows and columns.",
            expected="axes Y and X",
            found=f"axes {only.axes} of lengths {only.shape}",
            remedy="save it as a two-dimensional image",
        )
    if whole:
        check_size(path, lengths["Y"], lengths["X"], only.nbytes, max_pixels=max_pixels)
    _check_complete(path, only)
    return only


def _only_full(path: Path, file: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """Return the one image of a file; reduced copies of it are left aside."""
    largest = max(file.series, key=lambda series: series.keyframe.size)
    number = sum(not _is_reduced(series, largest) for series in file.series if series != largest)
    if number:
        raise InputError(
            f"The image {path} does not hold exactly one image.",
            expected="one image per file (with its channels and focal planes)",
            found=f"{number + 1} images",
            remedy="save the images as one file each",
        )
    pages: list[Any] = [page for page in largest.pages if page is not None]
    if others := {page.parent.filename for page in pages if page.parent is not file}:
        raise InputError(
            f"The image {path} is one of a set of several files.",
            expected="a file that holds all its planes itself",
            found=f"planes in {', '.join(sorted(others)[:3])}",
            remedy="export the set again with one file for each position",
        )
    return largest


def _is_reduced(series: tifffile.TiffPageSeries, full: tifffile.TiffPageSeries) -> bool:
    """Tell a thumbnail by its flag, its proportions, or its size."""
    small, large = series.keyframe, full.keyframe
    if int(small.subfiletype) & _REDUCED:
        return True
    scaled = small.imagewidth * large.imagelength / large.imagewidth
    is_like = abs(scaled - small.imagelength) <= 1
    shrunk = max(small.imagewidth / large.imagewidth, small.imagelength / large.imagelength)
    return len(series.pages) == 1 and (shrunk < 1 if is_like else shrunk <= _HALF)


def _check_page_number(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse a file that names more pages than it has room for, before all are looked at."""
    page, size = file.pages.first, path.stat().st_size
    _refuse_circle(path, file)
    # ImageJ writes large stacks as one page, with the number of planes in words.
    claimed = int((file.imagej_metadata or {}).get("images", 1)) if file.is_imagej else 1
    in_words = claimed * page.nbytes if claimed > 1 and len(file.pages) == 1 else 0
    if in_words > size:
        raise _cut_short(path)


def _refuse_circle(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse pages of which a late one is followed by an earlier one, as in a circle.

    Shorter circles tifffile leaves by itself.
    """
    handle, form = file.filehandle, file.tiff
    offset, seen = int(file.pages.first.offset), set[int]()
    while 0 < offset < handle.size and offset not in seen:
        seen.add(offset)
        handle.seek(offset)
        try:
            (number,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
            handle.seek(number * form.tagsize, os.SEEK_CUR)
            (offset,) = struct.unpack(form.offsetformat, handle.read(form.offsetsize))
        except struct.error:
            return
    if offset in seen and len(seen) >= _SHORT_CIRCLE:
        raise InputError(
            f"The image {path} is damaged.",
            expected="pages one after the other",
            found=f"{len(seen)} pages, the last of which is followed by an earlier one",
            remedy="copy the file again from where it came, or leave it out",
        )


def _check_kind(path: Path, series: tifffile.TiffPageSeries) -> None:
    kind = series.dtype
    if kind not in (np.uint8, np.uint16) and kind.kind != "f":
        raise InputError(
            f"The image {path} holds values that are not supported.",
            expected="8- or 16-bit unsigned integers, or floating point from 0 to 1",
            found=str(kind),
            remedy="convert it in ImageJ: Image > Type > 16-bit",
        )
    photometric = series.keyframe.tags.get("PhotometricInterpretation")
    if photometric is not None and int(photometric.value) == _MIN_IS_WHITE:
        raise InputError(
            f"The image {path} is stored inverted: its smallest value means white.",
            expected="larger values mean brighter",
            found="photometric interpretation min-is-white",
            remedy="in ImageJ, choose Image > Lookup Tables > Grays and save it again",
        )


def _check_complete(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Refuse a file whose pixels end before its header says so.

    Strips that begin past the end of the file would otherwise be read as black.
    """
    size = path.stat().st_size
    filled = False
    for page in series.pages:
        tile = (0, 0) if page is None else (series.keyframe.tilelength, series.keyframe.tilewidth)
        if page is None or max(tile) > 2**16:
            raise InputError(
                f"The image {path} is damaged.",
                expected="every plane present, tiles of at most 65536 pixels",
                found="a missing plane or an absurd tile",
                remedy="copy the file again from where it came, or leave it out",
            )
        # A part that takes no room is one that was left out, as it is all background.
        extents = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        filled = filled or any(length > 0 for _, length in extents)
        if any(start + length > size or (length == 0 and start) for start, length in extents):
            raise _cut_short(path)
    if not filled:
        raise _cut_short(path)


def _cut_short(path: Path) -> InputError:
    return InputError(
        f"The image {path} is cut short.",
        expected="pixels up to the end that the header gives",
        found=f"a file of {path.stat().st_size} bytes",
        remedy="copy the file again from where it came, or leave it out",
    )
