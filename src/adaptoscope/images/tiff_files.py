"""TIFF in and out: axes and pixel size as ImageJ, OME and plain files record them."""

from __future__ import annotations

import hashlib
import logging
import struct
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import defusedxml.ElementTree
import numpy as np
import tifffile
from defusedxml.common import DefusedXmlException
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.images.png_files import LARGEST_PIXEL_UM
from adaptoscope.images.stored_planes import ImageHeader, StoredPlanes, check_size

MICROMETRES = {
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "\\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "mm": 1e3,
    "millimeter": 1e3,
}
"""How many micrometres a unit of length is, under the names that files give it."""

_CENTIMETRE = 3
_MIN_IS_WHITE = 0

# What tifffile prints about odd files reaches the user as an error of ours, or does not matter.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False


def read_tiff_header(path: Path) -> ImageHeader:
    """Read the size of a TIFF's planes without decoding them.

    Parameters
    ----------
    path
        A TIFF file.

    Returns
    -------
    ImageHeader
        Height, width and bit depth.

    Raises
    ------
    InputError
        If the file is damaged or of an unsupported kind.
    """
    with _opened(path) as file:
        series = only_series(path, file)
        lengths = dict(zip(series.axes, series.shape, strict=True))
        bits = 8 if series.dtype == np.uint8 else 16
        return ImageHeader(lengths["Y"], lengths["X"], bits)


def read_tiff(path: Path, *, max_pixels: int | None = None) -> StoredPlanes:
    """Read all planes of a TIFF.

    Parameters
    ----------
    path
        A TIFF file, plain, ImageJ or OME.
    max_pixels
        Most pixels of a plane, in place of the usual limit on its sides.

    Returns
    -------
    StoredPlanes
        uint8, uint16, or floating point; axes as the file names them.

    Raises
    ------
    InputError
        If the file is damaged, absurdly large, or of an unsupported kind.
    """
    with _opened(path) as file:
        series = only_series(path, file, max_pixels=max_pixels)
        # One thread: pages are decoded in this one, and results do not depend on the machine.
        values: NDArray[Any] = series.asarray(maxworkers=1)
        return StoredPlanes(values.reshape(series.shape), series.axes, pixel_size_um(file))


def write_tiff(
    path: Path,
    stored: NDArray[np.uint8] | NDArray[np.uint16],
    pixel_size_um: float | None,
    *,
    ome: bool,
) -> None:
    """Write one channel without loss, as OME or ImageJ TIFF.

    Parameters
    ----------
    path
        File to write.
    stored
        Shape (H, W), uint8 or uint16.
    pixel_size_um
        Edge of a pixel in micrometres; None leaves it out.
    ome
        Write OME metadata, otherwise ImageJ's.
    """
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
        tifffile.imwrite(path, stored, ome=True, photometric="minisblack", metadata=metadata)
        return
    metadata = {"axes": "YX"} if pixel_size_um is None else {"axes": "YX", "unit": "um"}
    resolution = None if pixel_size_um is None else (1 / pixel_size_um, 1 / pixel_size_um)
    tifffile.imwrite(path, stored, imagej=True, resolution=resolution, metadata=metadata)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a damaged TIFF makes the decoders raise into one readable error.

    Parameters
    ----------
    path
        File to name in the error.

    Raises
    ------
    InputError
        In place of any other error inside.
    """
    try:
        yield
    except InputError:
        raise
    # A damaged file surfaces as almost any error: the codecs alone define a dozen of their own.
    except Exception as error:
        raise InputError(
            f"The image {path} cannot be decoded.",
            expected="a complete TIFF file with a supported compression",
            found=f"a file of {path.stat().st_size} bytes: {error or type(error).__name__}",
            remedy="copy the file again from where it came, save it uncompressed, or leave it out",
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    with decoding(path), tifffile.TiffFile(path) as file:
        yield file


def only_series(
    path: Path, file: tifffile.TiffFile, *, whole: bool = True, max_pixels: int | None = None
) -> tifffile.TiffPageSeries:
    """Return the one image of a file, with its channels and focal planes.

    Parameters
    ----------
    path
        File to name in the errors.
    file
        The open file.
    whole
        Also refuse an image that is too large to be read whole.
    max_pixels
        As in `read_tiff`.

    Raises
    ------
    InputError
        If there is not exactly one, it is of an unsupported kind, or its pixels are not all there.
    """
    series = file.series
    if len(series) != 1:
        raise InputError(
            f"The image {path} does not hold exactly one image.",
            expected="one image per file (with its channels and focal planes)",
            found=f"{len(series)} images",
            remedy="save the images as one file each",
        )
    only = series[0]
    _check_kind(path, only)
    lengths = dict(zip(only.axes, only.shape, strict=True))
    if "Y" not in lengths or "X" not in lengths:
        raise InputError(
            f"The image {path} has no rows and columns.",
            expected="axes Y and X",
            found=f"axes {only.axes}",
            remedy="save it as a two-dimensional image",
        )
    if whole:
        check_size(path, lengths["Y"], lengths["X"], only.nbytes, max_pixels=max_pixels)
    _check_complete(path, only)
    return only


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
    for page in series.pages:
        tile = (0, 0) if page is None else (series.keyframe.tilelength, series.keyframe.tilewidth)
        if page is None or max(tile) > 2**16:
            raise InputError(
                f"The image {path} is damaged.",
                expected="every plane present, tiles of at most 65536 pixels",
                found="a missing plane or an absurd tile",
                remedy="copy the file again from where it came, or leave it out",
            )
        extents = zip(page.dataoffsets, page.databytecounts, strict=False)
        if any(start + length > size or length == 0 for start, length in extents):
            raise InputError(
                f"The image {path} is cut short.",
                expected="pixels up to the end that the header gives",
                found=f"a file of {size} bytes",
                remedy="copy the file again from where it came, or leave it out",
            )


def pixel_size_um(file: tifffile.TiffFile) -> float | None:
    """Return the edge of a pixel in micrometres, or None where the file does not tell."""
    size = _ome_pixel_size(file.ome_metadata) if file.is_ome else _tag_pixel_size(file)
    if size is None or not np.isfinite(size) or size <= 0:
        return None
    return float(f"{size:.6g}")


def _ome_pixel_size(document: str | None) -> float | None:
    try:
        root = defusedxml.ElementTree.fromstring((document or "").encode())
    except (defusedxml.ElementTree.ParseError, DefusedXmlException):
        return None
    for element in root.iter():
        if element.tag.endswith("}Pixels") and "PhysicalSizeX" in element.attrib:
            unit = element.attrib.get("PhysicalSizeXUnit", "µm").lower()
            try:
                return float(element.attrib["PhysicalSizeX"]) * MICROMETRES[unit]
            except (KeyError, ValueError):
                return None
    return None


def _tag_pixel_size(file: tifffile.TiffFile) -> float | None:
    tags = file.pages[0].tags  # type: ignore[union-attr]
    try:
        pixels, lengths = tags["XResolution"].value
        spacing = lengths / pixels
    except (KeyError, TypeError, ValueError, ZeroDivisionError, struct.error):
        return None
    if file.is_imagej:
        unit = str((file.imagej_metadata or {}).get("unit", "")).strip().lower()
        return spacing * MICROMETRES[unit] if unit in MICROMETRES else None
    unit_tag = tags.get("ResolutionUnit")
    # Plain files carry printers' resolutions; only a microscope has pixels this small.
    if unit_tag is not None and int(unit_tag.value) == _CENTIMETRE:
        return spacing * 1e4 if spacing * 1e4 < LARGEST_PIXEL_UM else None
    return None
