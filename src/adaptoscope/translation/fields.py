"""Fields of view with their stains, as the stages of virtual staining hold them in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.paired_stains import PairedStainSet, PairRecord
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage, hash_pixels
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.training.progress import progress

FloatImage = NDArray[np.float32]
UNNAMED = "stain"
"""Name of the only stain of a set whose table names none."""


@dataclass(frozen=True, eq=False)
class Field:
    """One field of view.

    Parameters
    ----------
    given
        Stored counts, shape (H, W), uint8 or uint16.
    stains
        Stored counts, shape (S, H, W); None where the truth is not read.
    records
        The rows of the set that it was read from, one per stain.
    pixel_size_um
        Edge of a pixel in micrometres, or None where the file does not tell.
    """

    name: str
    given: NDArray[np.integer]
    stains: NDArray[np.integer] | None
    bit_depth: int
    records: tuple[PairRecord, ...]
    pixel_size_um: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.given.shape[0], self.given.shape[1]

    @property
    def pixels(self) -> FloatImage:
        """The image, shape (H, W), in [0, 1] of the stored range."""
        return unit_of(self.given)

    @property
    def truth(self) -> FloatImage:
        """The stains, shape (S, H, W), in [0, 1] of the stored range."""
        if self.stains is None:
            raise ValueError(f"the stains of {self.name} were not read")
        return unit_of(self.stains)


def unit_of(stored: NDArray[np.integer]) -> FloatImage:
    """Return stored counts as shares of the stored range."""
    return IntensityScale.full_range(stored.dtype.itemsize * 8).to_unit(stored)


def hash_of(field: Field) -> str:
    """Return the SHA-256 of the decoded pixels of the image that is given."""
    return hash_pixels(field.given)  # type: ignore[arg-type]


def stains_of(pairs: PairedStainSet) -> list[str]:
    """Return the names of the stains of a set, in the order of its table."""
    return list(dict.fromkeys(record.stain or UNNAMED for record in pairs))


def read_fields(
    pairs: PairedStainSet, stains: Sequence[str] | None = None, *, truth: bool = True
) -> list[Field]:
    """Read every field of a set, in the order of its table; rows that share an image become one.

    `stains` are their names and order, by default all. Without `truth` no stained image is opened.
    """
    wanted = list(stains) if stains is not None else stains_of(pairs)
    rows: dict[str, dict[str, PairRecord]] = {}
    for record in pairs:
        rows.setdefault(record.input, {})[record.stain or UNNAMED] = record
    fields = [
        _read_field(pairs, given, rows[given], wanted, truth)
        for given in progress(rows, f"read {pairs.folder.name}", unit="image")
    ]
    return _of_one_depth(fields, pairs.folder)


def _of_one_depth(fields: list[Field], folder: Path) -> list[Field]:
    depths = sorted({field.bit_depth for field in fields})
    if len(depths) > 1:
        raise InputError(
            f"The images of {folder} are not of one bit depth.",
            expected="8-bit or 16-bit images, not both: one scale serves them all",
            found=" and ".join(f"{depth}-bit" for depth in depths),
            remedy="store them alike, or give the others as a set of their own",
        )
    return fields


def fields_of_images(images: CountedImageSet) -> list[Field]:
    """Read a folder of plain images as fields without stains; labels are not read."""
    read = (images.read(record) for record in images)
    return _of_one_depth([_field(image, None, ()) for image in read], images.folder)


def _read_field(
    pairs: PairedStainSet,
    given: str,
    rows: dict[str, PairRecord],
    wanted: Sequence[str],
    truth: bool,
) -> Field:
    missing = [stain for stain in wanted if stain not in rows] if truth else []
    if missing:
        raise InputError(
            f"The image {given} of {pairs.folder} lacks a stain.",
            expected=f"a row of pairs.csv for each of {', '.join(wanted)}",
            found=f"none for {', '.join(missing)}; there are {', '.join(rows)}",
            remedy="add the rows, or choose the stains with --stain",
        )
    if not truth:
        record = next(iter(rows.values()))
        image = pairs.read_given(record)
        return _field(image, None, (record,))
    chosen = tuple(rows[stain] for stain in wanted)
    read = [pairs.read(record) for record in chosen]
    stained: list[NDArray[np.integer]] = [pair.stain.stored for pair in read]
    if len({plane.dtype for plane in stained}) > 1:
        stained = [unit_to_16_bit(plane) for plane in stained]
    return _field(read[0].given, np.stack(stained), chosen)


def _field(
    image: MicroscopyImage, stains: NDArray[np.integer] | None, records: tuple[PairRecord, ...]
) -> Field:
    return Field(
        image.name,
        image.stored,
        stains,
        image.scale.bit_depth,
        records,
        image.pixel_size_um,
    )


def unit_to_16_bit(stored: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return 8-bit counts as 16-bit counts of the same shares; 16-bit ones as they are."""
    return stored if stored.dtype.itemsize == 2 else stored.astype(np.uint16) * 257
