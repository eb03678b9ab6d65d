"""A folder of image pairs cut into parts of its fields, each of one split.

Where there are a few large fields only, one side of a field trains and the other one tests.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.fingerprint import fingerprint_of_pairs
from adaptoscope.datasets.pair_writing import PairedStainWriter
from adaptoscope.datasets.paired_stains import PairedStainSet, PairRecord
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.imageio.microscopy_image import image_of_counts
from adaptoscope.images.cell_centres import Points

_CARD = """Cut from the set {origin}, pixels unchanged. Parts, as shares of height and width:

{parts}

Parts of one field stand in one group. Origin, licence and limits of that set hold for this one."""


@dataclass(frozen=True)
class FieldPart:
    """A rectangle of some fields, which makes one split.

    Parameters
    ----------
    split
        ``train``, ``val``, ``test`` or another name.
    files
        Pattern of the base names of the given images, as ``ds1_*``; case counts.
    rows, columns
        First and last edge, as shares of height and width, 0 to 1.
    """

    split: str
    files: str = "*"
    rows: tuple[float, float] = (0.0, 1.0)
    columns: tuple[float, float] = (0.0, 1.0)

    def window(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Return the rectangle in pixels of an image of a shape (H, W)."""
        rows, columns = (
            slice(round(low * size), round(high * size))
            for (low, high), size in zip((self.rows, self.columns), shape, strict=True)
        )
        return rows, columns


def write_parts(
    pairs: PairedStainSet,
    out: Path,
    parts: Sequence[FieldPart],
    *,
    modality: str | None = None,
    on_image: Callable[[str], None] | None = None,
) -> PairedStainSet:
    """Write a paired-stain folder of parts of the fields of another.

    Parameters
    ----------
    pairs
        The set; every file by a base name of its own.
    out
        Folder to write; continued if begun from the same pairs with equal parts.
    parts
        What is cut; a field may serve several.
    modality
        Regular expression with one group, which finds the modality in the base name of a given
        image; none keeps the column of the set.
    on_image
        Called with the name of each given image that stands.

    Returns
    -------
    PairedStainSet
        The folder as a reader sees it.

    Raises
    ------
    InputError
        If a part takes no image or no pixel, two parts of a field overlap, a name says no modality,
        or base names repeat.
    OutputError
        If the folder was begun otherwise or holds something else.
    """
    _check_parts(pairs, parts)
    said = (
        {} if modality is None else {each.input: _modality(each.input, modality) for each in pairs}
    )
    kept = {
        "stage": "parts",
        "parts": [dataclasses.asdict(part) for part in parts],
        "modality": modality,
        "pairs": fingerprint_of_pairs(pairs),
    }
    writer = PairedStainWriter(Path(out), kept, f"Parts of {pairs.folder.name}")
    for number, part in enumerate(parts):
        for given in _taken(pairs, part):
            name = f"{PurePosixPath(given).stem}_{part.split}{number}"
            if not writer.has(name):
                _write(writer, pairs, given, part, number, said.get(given))
            if on_image is not None:
                on_image(name)
    lines = [
        f"- {part.split}: `{part.files}`, rows {part.rows[0]:g} to {part.rows[1]:g}, columns "
        f"{part.columns[0]:g} to {part.columns[1]:g}"
        for part in parts
    ]
    return writer.finish(_CARD.format(origin=pairs.folder.name, parts="\n".join(lines)))


def _taken(pairs: PairedStainSet, part: FieldPart) -> list[str]:
    """Return the given images that a part is cut from, in the order of the set."""
    names = dict.fromkeys(record.input for record in pairs)
    return [name for name in names if fnmatchcase(PurePosixPath(name).name, part.files)]


def _write(
    writer: PairedStainWriter,
    pairs: PairedStainSet,
    given: str,
    part: FieldPart,
    number: int,
    modality: str | None,
) -> None:
    def renamed(path: str, folder: str) -> str:
        return f"{folder}/{PurePosixPath(path).stem}_{part.split}{number}.png"

    records = [record for record in pairs if record.input == given]
    field = min(PurePosixPath(record.target).stem for record in records)
    rows, images, masks = [], {}, {}
    for record in records:
        row = dataclasses.replace(
            record,
            input=renamed(record.input, "images"),
            target=renamed(record.target, "images"),
            mask=renamed(record.mask, "masks") if record.mask else None,
            split=part.split,
            group=record.group or field,
            modality=record.modality if modality is None else modality,
        )
        rows.append(row)
        images[row.input] = partial(_given, pairs, record, part)
        images[row.target] = partial(_stain, pairs, record, part)
        if row.mask is not None:
            masks[row.mask] = partial(_mask, pairs, record, part)
    points = _points(pairs, records[0], part) if pairs.has_points else None
    name = PurePosixPath(rows[0].input).stem
    writer.add_pairs(name, rows, images, masks=masks, points=points)


def _given(pairs: PairedStainSet, record: PairRecord, part: FieldPart) -> MicroscopyImage:
    return _cut(pairs.read(record).given, part)


def _stain(pairs: PairedStainSet, record: PairRecord, part: FieldPart) -> MicroscopyImage:
    return _cut(pairs.read(record).stain, part)


def _cut(image: MicroscopyImage, part: FieldPart) -> MicroscopyImage:
    pixels = np.ascontiguousarray(image.pixels[part.window(image.shape)])
    return image_of_counts(image.name, image.scale.to_stored(pixels), image.pixel_size_um)


def _mask(pairs: PairedStainSet, record: PairRecord, part: FieldPart) -> NDArray[np.uint16]:
    labels = pairs.mask(record)
    if labels is None:
        raise ValueError(f"{record.name} has no mask")
    height, width = labels.shape
    return np.ascontiguousarray(labels[part.window((height, width))])


def _points(pairs: PairedStainSet, record: PairRecord, part: FieldPart) -> Points:
    """Return the cell centres inside a part, measured from its corner."""
    rows, columns = part.window(pairs.read_given(record).shape)
    points = pairs.points(record)
    # A pixel reaches half its size around its centre.
    low = np.array([rows.start, columns.start]) - 0.5
    high = np.array([rows.stop, columns.stop]) - 0.5
    inside = ((points >= low) & (points < high)).all(axis=1)
    return points[inside] - (low + 0.5)


def _check_parts(pairs: PairedStainSet, parts: Sequence[FieldPart]) -> None:
    problems = []
    seen: dict[str, list[tuple[slice, slice]]] = {}
    for part in parts:
        taken = _taken(pairs, part)
        if not taken:
            problems.append(f"no given image is called {part.files}")
        for given in taken:
            record = next(each for each in pairs if each.input == given)
            window = part.window(pairs.read_given(record).shape)
            if any(edge.stop <= edge.start for edge in window):
                problems.append(f"{part.split} has no pixel of {given}")
            if any(_overlap(window, other) for other in seen.get(given, [])):
                problems.append(f"{part.split} overlaps another part of {given}")
            seen.setdefault(given, []).append(window)
    images = {path for record in pairs for path in (record.input, record.target)}
    for paths in (images, {record.mask for record in pairs if record.mask}):
        often = Counter(PurePosixPath(path).stem.casefold() for path in paths)
        problems += [f"{n} files are called {name}" for name, n in often.items() if n > 1]
    if problems or not parts:
        raise InputError(
            f"The set {pairs.folder} cannot be cut into these parts.",
            expected="parts that take an image each and do not overlap; files of different names",
            found="; ".join(problems) or "no part",
            remedy="change the parts, or rename the files",
        )


def _overlap(one: tuple[slice, slice], other: tuple[slice, slice]) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


def _modality(given: str, pattern: str) -> str:
    name = PurePosixPath(given).name
    found = re.search(pattern, name)
    if found is None or not found.groups():
        raise InputError(
            f"The name {name} says no modality.",
            expected=f"a name in which the group of {pattern} is found",
            found="none",
            remedy="change the pattern, or leave it away",
        )
    return str(found.group(1))
