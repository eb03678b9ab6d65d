"""The edge of a pixel in micrometres: units of length, and which numbers of a file are trusted."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace
from typing import Any, TypeVar

# Printers' resolutions (72 to 600 dpi) are 42 to 353 micrometres per pixel.
LARGEST_PIXEL_UM = 20.0
# The pixels of scientific cameras themselves are 2.4 to 16 micrometres wide; a nucleus would be
# four pixels wide at most if that were the size on the specimen.
SMALLEST_CAMERA_PIXEL_UM = 2.4
# Outside of these no single cell is seen: the number or its unit is wrong.
_POSSIBLE_UM = (1e-3, 1e3)
# Sizes that agree within this were rounded differently; pixels this near to square count as such.
_SAME = 1.02

_GIVE_IT = "give --pixel-size-um"
_PREFIXES = {
    "deci": 1e5, "centi": 1e4, "milli": 1e3, "micro": 1.0, "nano": 1e-3, "pico": 1e-6, "": 1e6,
}  # fmt: skip
_MICROMETRES = {
    **{"m": 1e6, "dm": 1e5, "cm": 1e4, "mm": 1e3, "um": 1.0, "μm": 1.0, "nm": 1e-3, "pm": 1e-6},
    **dict.fromkeys(("μ", "u", "micron", "microns", "mikron", "mu"), 1.0),
    # The letter µ in UTF-8, read as Latin-1.
    "âμm": 1.0,
    **dict.fromkeys(("å", "angstrom", "angstroms", "ångström", "ångstrom"), 1e-4),
    **dict.fromkeys(("in", "inch", "inches", '"'), 25_400.0),
    **dict.fromkeys(("thou", "mil"), 25.4),
    **{
        prefix + name: size
        for prefix, size in _PREFIXES.items()
        for name in ("meter", "meters", "metre", "metres")
    },
}
_NO_UNIT = ("", "pixel", "pixels", "px", "none", "reference frame", "null", "unknown")
# Symbols that differ from another unit's in a capital letter only.
_CAPITALS = ("Mm", "Pm", "MM")

Sized = TypeVar("Sized", bound=Any)


@dataclass(frozen=True)
class PixelSize:
    """What a file tells of the size of its pixels.

    Attributes
    ----------
    um
        Edge in micrometres of a square pixel of the same area; None where the file does not tell,
        or tells what cannot be trusted.
    remark
        What a person has to know of it: why a number was not used, or that pixels are not square.
    """

    um: float | None = None
    remark: str = ""


def micrometres_in(unit: str) -> float | None:
    """Tell how many micrometres a unit of length is, under any name; None for an unknown one."""
    text = unicodedata.normalize("NFKC", unit).strip()
    if text in _CAPITALS:
        return None
    return _MICROMETRES.get(text.lower().replace("\\u00b5", "μ").rstrip("."))


def calibrated(
    height: float, width: float, units: tuple[str, str], source: str, *, is_ours: bool = False
) -> PixelSize:
    """Judge the height and width of a pixel, in `units`, of a microscope's or program's record.

    `source` says where they stand, for the remark; `is_ours`, that this package wrote them, which
    writes what it was told only. Unknown without a remark where nobody has calibrated.
    """
    if any(unit.strip().lower() in _NO_UNIT for unit in units):
        return PixelSize()
    factors = [micrometres_in(unit) for unit in units]
    for unit, factor in zip(units, factors, strict=True):
        if factor is None:
            return _unused(f"the unit {unit[:40]!r} of {source} is not known")
    edges = [size * (factor or 0.0) for size, factor in zip((height, width), factors, strict=True)]
    is_default = height == width == 1 and edges == [1.0, 1.0] and not is_ours
    return _judged(edges[0], edges[1], source, is_default=is_default)


def from_resolution(
    height_um: float, width_um: float, source: str, *, from_camera: bool = True
) -> PixelSize:
    """Judge the pixel size of a plain resolution tag, which may be a printer's or a camera's.

    Unknown without a remark where it is a printer's.
    """
    largest = max(height_um, width_um)
    if not math.isfinite(largest) or largest >= LARGEST_PIXEL_UM:
        return PixelSize()
    if from_camera and largest >= SMALLEST_CAMERA_PIXEL_UM:
        return _unused(f"{largest:.4g} um of {source} alone may be the camera's own pixel")
    is_default = from_camera and math.isclose(height_um * width_um, 1.0, rel_tol=1e-6)
    return _judged(height_um, width_um, source, is_default=is_default)


def beside(size: PixelSize, other_um: float | None, used: str, other: str) -> PixelSize:
    """Say where a second source gives another pixel size than the one that is used.

    `used` and `other` name both sources; the second may say nothing (None).
    """
    if size.um is None or other_um is None or _same(size.um, other_um):
        return size
    said = f"pixel size {size.um:.4g} um from {used}, while {other} says {other_um:.4g} um"
    return PixelSize(size.um, "; ".join(filter(None, [said, size.remark])))


def with_pixel_size(image: Sized, um: float, source: str, *, only_unknown: bool = False) -> Sized:
    """Give an image the pixel size that a list or a person tells, and say where its file differs.

    Parameters
    ----------
    image
        A `MicroscopyImage` or `LargeImage`.
    only_unknown
        Keep what the file tells, if it does.
    """
    own = image.pixel_size_um
    if only_unknown and own is not None:
        kept = beside(PixelSize(own, image.pixel_size_remark), um, "the file", source)
        return replace(image, pixel_size_remark=kept.remark)
    if own is not None and _same(um, own):
        return replace(image, pixel_size_um=um)
    told = beside(PixelSize(um), own, source, "the file")
    return replace(image, pixel_size_um=um, pixel_size_remark=told.remark)


def _judged(height_um: float, width_um: float, source: str, *, is_default: bool) -> PixelSize:
    edges = (height_um, width_um)
    # Programs write 0 or nothing sensible where the size is not known.
    if not all(math.isfinite(edge) and edge > 0 for edge in edges):
        return PixelSize()
    um = float(f"{math.sqrt(height_um * width_um):.6g}")
    if not _POSSIBLE_UM[0] <= um <= _POSSIBLE_UM[1]:
        return _unused(f"{um:.4g} um of {source} is no microscope's")
    if is_default:
        return _unused(f"exactly 1 um of {source} is what programs write without a calibration")
    if _same(height_um, width_um):
        return PixelSize(um)
    return PixelSize(
        um, f"pixels are not square: {height_um:.4g} x {width_um:.4g} um (height x width)"
    )


def _same(one: float, other: float) -> bool:
    return max(one, other) <= _SAME * min(one, other)


def _unused(why: str) -> PixelSize:
    return PixelSize(None, f"pixel size not used: {why}; {_GIVE_IT}")
