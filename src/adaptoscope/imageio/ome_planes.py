"""The planes that an OME-TIFF holds itself, where its text describes those of other files too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import defusedxml.ElementTree
import tifffile
from defusedxml.common import DefusedXmlException

from adaptoscope.errors import InputError

_Place = tuple[int, int, int]
_STACKED = "TZC"


@dataclass(frozen=True)
class _Block:
    """Planes of one ``TiffData``: to which image and file they belong, and where they lie."""

    image: int
    uuid: str | None
    file_name: str
    first_page: int
    places: tuple[_Place, ...]


def ome_document(file: tifffile.TiffFile) -> Any:
    """Return the root element of a file's OME text; None where it has none that can be read."""
    try:
        root = defusedxml.ElementTree.fromstring(file.pages.first.description.encode())
    except (defusedxml.ElementTree.ParseError, DefusedXmlException):
        return None
    is_whole = _name(root) == "OME" and not _children(root, "BinaryOnly")
    return root if is_whole else None


def own_pixels(path: Path, root: Any) -> list[Any]:
    """Return the ``Pixels`` of the images of which a file holds planes."""
    pixels = _all_pixels(root)
    blocks = [block for number, each in enumerate(pixels) for block in _blocks(number, each, 1)]
    images = sorted({block.image for block in _own(path, root, blocks)})
    return [pixels[number] for number in images] or pixels


def own_series(path: Path, file: tifffile.TiffFile) -> tifffile.TiffPageSeries | None:
    """Return the planes of a file that belongs to a set of several; no other file is looked at.

    None where the text of the open file describes this file alone, or none of its planes; tifffile
    then reads it, without the text in the second case.
    """
    root = ome_document(file)
    if root is None:
        file.is_ome = False
        return None
    pixels = _all_pixels(root)
    total = len(file.pages)
    _check_numbers(path, pixels, total)
    blocks = [block for number, each in enumerate(pixels) for block in _blocks(number, each, total)]
    described = sum(prod(_lengths(each).values()) for each in pixels)
    alone = all(block.uuid in (None, root.get("UUID")) for block in blocks)
    if alone and (not blocks or sum(len(block.places) for block in blocks) >= described):
        return None
    own = _own(path, root, blocks)
    if not own:
        file.is_ome = False
        return None
    if len({block.image for block in own}) > 1:
        raise InputError(
            f"The image {path} does not hold exactly one image.",
            expected="one image per file (with its channels and focal planes)",
            found=f"planes of {len({block.image for block in own})} images",
            remedy="save the images as one file each",
        )
    return _stacked(path, file, own)


def _stacked(path: Path, file: tifffile.TiffFile, own: list[_Block]) -> tifffile.TiffPageSeries:
    numbers = {
        place: block.first_page + step for block in own for step, place in enumerate(block.places)
    }
    steps = [sorted(set(axis)) for axis in zip(*numbers, strict=True)]
    places = list(product(*steps))
    if any(place not in numbers or numbers[place] >= len(file.pages) for place in places):
        raise InputError(
            f"The image {path} lacks some of its planes.",
            expected="a plane for every channel, focal plane and time of the file",
            found=f"{len(file.pages)} planes stored, {len(numbers)} described",
            remedy="copy the file again from where it came, or leave it out",
        )
    pages: list[Any] = [file.pages[numbers[place]] for place in places]
    first = pages[0]
    if any(page.shape != first.shape or page.dtype != first.dtype for page in pages):
        raise InputError(
            f"The image {path} does not hold exactly one image.",
            expected="planes of one size and kind",
            found="planes that differ in them",
            remedy="save the images as one file each",
        )
    shape = (*(len(axis) for axis in steps), *first.shape)
    return tifffile.TiffPageSeries(
        pages, shape, first.dtype, _STACKED + first.axes, parent=file, kind="ome"
    )


def _own(path: Path, root: Any, blocks: list[_Block]) -> list[_Block]:
    """Choose the planes of this file: by its identifier, which a new name does not change."""
    uuid = root.get("UUID")
    ways = [
        [block for block in blocks if uuid is not None and block.uuid == uuid],
        [block for block in blocks if block.file_name.lower() == path.name.lower()],
        [block for block in blocks if block.uuid is None],
        blocks if len({block.uuid for block in blocks}) == 1 else [],
    ]
    return next((found for found in ways if found), [])


def _all_pixels(root: Any) -> list[Any]:
    return [element for element in root.iter() if _name(element) == "Pixels"]


def _lengths(pixels: Any) -> dict[str, int]:
    samples = [_number(each, "SamplesPerPixel", 1) for each in _children(pixels, "Channel")]
    lengths = {axis: max(1, _number(pixels, f"Size{axis}", 1)) for axis in _STACKED}
    return lengths | {"C": max(1, lengths["C"] // max([1, *samples]))}


def _blocks(image: int, pixels: Any, pages: int) -> Iterator[_Block]:
    order = [axis for axis in pixels.get("DimensionOrder", "XYCZT") if axis in _STACKED]
    lengths = _lengths(pixels)
    for data in _children(pixels, "TiffData"):
        uuid = next(iter(_children(data, "UUID")), None)
        number = _plane_count(data, pages)
        first = [_number(data, f"First{axis}", 0) for axis in order]
        places = []
        for step in range(number):
            place, rest = {}, step
            for axis, start in zip(order, first, strict=True):
                # Counted on along the axes in their order, as an odometer.
                rest, place[axis] = divmod(start + rest, lengths[axis])
            if not rest:
                places.append((place["T"], place["Z"], place["C"]))
        yield _Block(
            image,
            None if uuid is None else (uuid.text or "").strip(),
            "" if uuid is None else uuid.get("FileName", ""),
            _number(data, "IFD", 0),
            tuple(places),
        )


def _plane_count(data: Any, pages: int) -> int:
    return _number(data, "PlaneCount", 1 if "IFD" in data.attrib else pages)


def _check_numbers(path: Path, pixels: list[Any], pages: int) -> None:
    """Refuse numbers of planes that the file has no bytes for, before a list of them is made."""
    size = path.stat().st_size
    numbers = [prod(_lengths(each).values()) for each in pixels]
    blocks = [data for each in pixels for data in _children(each, "TiffData")]
    numbers += [
        _number(data, name, 0)
        for data in blocks
        for name in ("IFD", "PlaneCount", "NumPlanes", "FirstC", "FirstZ", "FirstT")
    ]
    numbers.append(sum(_plane_count(data, pages) for data in blocks))
    if min(numbers, default=0) < 0 or max(numbers, default=0) > size:
        raise InputError(
            f"The image {path} is damaged.",
            expected="OME text that describes at most as many planes as the file has room for",
            found=f"{max(numbers)} planes in a file of {size} bytes",
            remedy="copy the file again from where it came, or leave it out",
        )


def _children(element: Any, name: str) -> list[Any]:
    return [each for each in element if _name(each) == name]


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _number(element: Any, name: str, otherwise: int) -> int:
    try:
        return int(element.get(name, otherwise))
    except ValueError:
        return otherwise
