"""The pixel size of a TIFF: OME, ImageJ, MetaSeries, a plate reader's index, or the plain tag."""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import defusedxml.ElementTree
import tifffile
from defusedxml.common import DefusedXmlException

from adaptoscope.imageio.ome_planes import ome_document, own_pixels
from adaptoscope.imageio.pixel_size import (
    LARGEST_PIXEL_UM,
    PixelSize,
    beside,
    calibrated,
    from_resolution,
    micrometres_in,
)

INDEX_FILES = ("Index.idx.xml", "Index.xml", "Index.ref.xml")
"""What Harmony calls the list of a plate's images, beside them."""

SOFTWARE = "Adaptoscope"
"""How files that this package writes call their author."""

_TAG = "the resolution tag"
# Micrometres of TIFF's units: inch and centimetre.
_RESOLUTION_UM = {2: 25_400.0, 3: 10_000.0}


def tiff_pixel_size(path: Path, file: tifffile.TiffFile) -> PixelSize:
    """Return the pixel size of an open TIFF.

    Of a plate reader's index beside it that names the file, as the file's own tag is then that of
    the camera; else of the file's own metadata; else of the plain resolution tag.
    """
    tag = _tag_edges(file)
    tag_um = (tag[0] * tag[1]) ** 0.5 if tag and max(tag) < LARGEST_PIXEL_UM else None
    own, source = _own(path, file, tag)
    for name in INDEX_FILES:
        listed = _from_index(path.parent / name, path.name)
        if listed is not None:
            return beside(listed, own.um or tag_um, name, "the file")
    return own if source == _TAG else beside(own, tag_um, source, _TAG)


def _own(
    path: Path, file: tifffile.TiffFile, tag: tuple[float, float] | None
) -> tuple[PixelSize, str]:
    root = ome_document(file)
    if root is not None:
        return _ome(path, root, is_ours=is_ours(file)), "its OME metadata"
    if file.is_metaseries:
        return _metaseries(file.pages.first.description), "its MetaSeries metadata"
    if file.is_imagej:
        told = file.imagej_metadata or {}
        unit = str(told.get("unit", "")).strip()
        factor = micrometres_in(unit)
        spacing = _spacing(file)
        if spacing is None:
            return PixelSize(), _TAG
        # ImageJ takes inch and cm from the tag of the file that it opened.
        if factor is not None and factor in _RESOLUTION_UM.values():
            return from_resolution(spacing[0] * factor, spacing[1] * factor, _TAG), _TAG
        units = (str(told.get("yunit", unit)).strip(), unit)
        return calibrated(*spacing, units, "its ImageJ metadata", is_ours=is_ours(file)), _TAG
    return (from_resolution(*tag, _TAG) if tag else PixelSize()), _TAG


def _spacing(file: tifffile.TiffFile) -> tuple[float, float] | None:
    """Return height and width of a pixel in the unit that is told elsewhere."""
    tags = file.pages.first.tags
    try:
        (down, heights), (across, widths) = (
            tags["YResolution" if "YResolution" in tags else "XResolution"].value,
            tags["XResolution"].value,
        )
        return heights / down, widths / across
    except (KeyError, TypeError, ValueError, ZeroDivisionError, struct.error):
        return None


def _tag_edges(file: tifffile.TiffFile) -> tuple[float, float] | None:
    """Return height and width of a pixel in micrometres, as the plain tag tells them."""
    unit = file.pages.first.tags.get("ResolutionUnit")
    spacing = _spacing(file)
    factor = _RESOLUTION_UM.get(int(unit.value)) if unit is not None else None
    if spacing is None or factor is None or min(spacing) <= 0:
        return None
    return spacing[0] * factor, spacing[1] * factor


def is_ours(file: tifffile.TiffFile) -> bool:
    """Tell whether this package wrote a file."""
    return file.pages.first.software == SOFTWARE


def _ome(path: Path, root: Any, *, is_ours: bool) -> PixelSize:
    sizes = []
    for pixels in own_pixels(path, root):
        # One edge alone is told by programs whose pixels are square.
        edges = [(axis, pixels.get(f"PhysicalSize{axis}")) for axis in "YX"]
        known = [(axis, text) for axis, text in edges if text is not None]
        if not known:
            continue
        (one, height), (other, width) = (known * 2)[:2]
        units = [pixels.get(f"PhysicalSize{axis}Unit", "µm") for axis in (one, other)]
        try:
            numbers = float(height), float(width)
        except ValueError:
            continue
        told = calibrated(*numbers, (units[0], units[1]), "its OME metadata", is_ours=is_ours)
        sizes.append(told)
    return sizes[0] if len(set(sizes)) == 1 else PixelSize()


def _metaseries(description: str) -> PixelSize:
    try:
        root = defusedxml.ElementTree.fromstring(description.rstrip("\0").encode())
    except (defusedxml.ElementTree.ParseError, DefusedXmlException):
        return PixelSize()
    told = {each.get("id"): each.get("value", "") for each in root.iter("prop")}
    unit = told.get("spatial-calibration-units", "")
    try:
        edges = [float(told[f"spatial-calibration-{axis}"]) for axis in "yx"]
    except (KeyError, ValueError):
        return PixelSize()
    if told.get("spatial-calibration-state", "on").lower() in ("off", "false", "0"):
        return PixelSize()
    return calibrated(edges[0], edges[1], (unit, unit), "its MetaSeries metadata")


def _from_index(index: Path, name: str) -> PixelSize | None:
    """Return what a plate reader's index says of a file; None where it does not name it."""
    try:
        state = index.stat()
    except OSError:
        return None
    return _indexed(index, state.st_mtime_ns, state.st_size).get(name.lower())


@lru_cache(maxsize=4)
def _indexed(index: Path, changed: int, size: int) -> dict[str, PixelSize]:
    """Read an index: from the names of its images, in lower case, to their pixel sizes."""
    found: dict[str, PixelSize] = {}
    by_channel: dict[str, PixelSize] = {}
    waiting: dict[str, str] = {}
    try:
        for _, element in defusedxml.ElementTree.iterparse(index):
            kind = element.tag.rpartition("}")[2]
            if kind == "Entry" and (told := _resolution(element, index.name)):
                # Later versions give the resolution once for each channel.
                by_channel[element.get("ChannelID", "")] = told
            if kind != "Image":
                continue
            url = PurePosixPath(_text(element, "URL").replace("\\", "/")).name.lower()
            if told := _resolution(element, index.name):
                found[url] = told
            elif url:
                waiting[url] = _text(element, "ChannelID")
            element.clear()
    except (defusedxml.ElementTree.ParseError, DefusedXmlException, OSError):
        return {}
    told_late = {
        url: by_channel[channel] for url, channel in waiting.items() if channel in by_channel
    }
    return found | told_late


def _resolution(element: Any, source: str) -> PixelSize | None:
    edges = {each.tag.rpartition("}")[2]: each for each in element}
    across = edges.get("ImageResolutionX")
    if across is None:
        return None
    down = edges.get("ImageResolutionY", across)
    try:
        height, width = float(down.text or ""), float(across.text or "")
    except ValueError:
        return None
    units = (down.get("Unit", "m"), across.get("Unit", "m"))
    return calibrated(height, width, units, source)


def _text(element: Any, name: str) -> str:
    return next(
        (each.text or "" for each in element if each.tag.rpartition("}")[2] == name), ""
    ).strip()
