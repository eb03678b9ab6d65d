"""One row of ``metadata.csv``: everything that is known of one image."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import (
    NUMBER,
    WHOLE,
    Cell,
    CsvTable,
    Number,
    Text,
    Truth,
    Whole,
    row_as,
)

_SPLITS = {
    "training": "train",
    "validation": "val",
    "valid": "val",
    "dev": "val",
    "testing": "test",
}
_POSSIBLE = "counts and sizes of at least 0, rates from 0 to 1, every image named"

_Count = Annotated[Annotated[int, Field(ge=0)] | None, WHOLE]
_Side = Annotated[Annotated[int, Field(ge=1)] | None, WHOLE]
_Depth = Annotated[Annotated[int, Field(ge=8, le=16)] | None, WHOLE]
_Density = Annotated[Annotated[float, Field(ge=0)] | None, NUMBER]
# Above 0, so that nothing is divided by it.
_Length = Annotated[Annotated[float, Field(ge=1e-6)] | None, NUMBER]
_Rate = Annotated[Annotated[float, Field(ge=0, le=1)] | None, NUMBER]


def split_name(text: str) -> str:
    """Give a split its usual name: ``train``, ``val`` or ``test``, else the text in lower case."""
    return _SPLITS.get(text.strip().lower(), text.strip().lower())


SplitName = Annotated[Text, BeforeValidator(lambda text: split_name(text) if text else None)]
"""Type of a column of splits."""


@dataclass(frozen=True)
class ImageRecord:
    """What is known of one image; None where nothing is.

    Parameters
    ----------
    file_name
        Path from the folder, with forward slashes, as ``images/field_01.tif``.
    count
        Number of cells; 0 means that there is none, None that nobody has counted.
    labelled
        Whether the cell centres are known.
    height, width
        Size in pixels.
    channel
        Name of the stain or the channel.
    bit_depth
        8 or 16.
    intensity_low, intensity_high
        Stored counts that mean 0 and 1.
    pixel_size_um
        Edge of a pixel in micrometres.
    cell_diameter_px
        Typical diameter of a cell in pixels.
    cells_per_mpx
        Cells per million pixels.
    density_class
        Class of cell density, as the style tokens use it.
    domain
        Name of the microscope, laboratory or simulator.
    synthetic
        Whether the image was made by a computer.
    group
        Culture or plate: images that must not be divided between training and testing.
    split
        ``train``, ``val``, ``test`` or another name.
    seed
        Seed that the image was made from.
    source_sha256
        Hash of decoded pixels: the image's own, or those of the image it was cut from.
    layout
        Drawing that a stylised image was made from.
    style, backbone, strength, guidance, inversion
        How a stylised image was made.
    kept
        False for an image that screening rejected.
    reject_reason
        Why it was rejected.
    precision, recall, f1
        Agreement of the cells in the stylised image with those of the drawing, 0 to 1.
    invented, lost, merged
        Numbers of cells that the stylised image shows too many, lacks, or shows as one: false
        positives, false negatives and merges.
    """

    file_name: Annotated[str, Field(min_length=1)]
    count: _Count = None
    labelled: Truth = None
    height: _Side = None
    width: _Side = None
    channel: Text = None
    bit_depth: _Depth = None
    intensity_low: Number = None
    intensity_high: Number = None
    pixel_size_um: _Length = None
    cell_diameter_px: _Length = None
    cells_per_mpx: _Density = None
    density_class: Text = None
    domain: Text = None
    synthetic: Truth = None
    group: Text = None
    split: SplitName = None
    seed: Whole = None
    source_sha256: Text = None
    layout: Text = None
    style: Text = None
    backbone: Text = None
    strength: Number = None
    guidance: Number = None
    inversion: Text = None
    kept: Truth = None
    reject_reason: Text = None
    precision: _Rate = None
    recall: _Rate = None
    f1: _Rate = None
    invented: _Count = None
    lost: _Count = None
    merged: _Count = None

    @property
    def name(self) -> str:
        """Base name of the file, as ``points.csv`` uses it."""
        return PurePosixPath(self.file_name).name

    @property
    def stem(self) -> str:
        """Base name without its suffix, as masks use it."""
        return PurePosixPath(self.file_name).stem

    def cells(self) -> list[Cell]:
        """Return the row of ``metadata.csv``, in the order of `RECORD_COLUMNS`."""
        return [getattr(self, column) for column in RECORD_COLUMNS]


RECORD_COLUMNS = tuple(field.name for field in dataclasses.fields(ImageRecord))
"""Columns of ``metadata.csv`` in their order."""

COLUMN_TYPES: Mapping[str, type] = {
    name: next(iter(typing.get_args(annotation)), annotation)
    for name, annotation in typing.get_type_hints(ImageRecord).items()
}
"""What each column holds."""


def image_record(values: Mapping[str, Any], path: Path) -> ImageRecord:
    """Return a record of values by column, as text or as they are, if they are possible.

    The table at `path` is named in the error.
    """
    return row_as(ImageRecord, values, path, _POSSIBLE)


def without_label(record: ImageRecord) -> ImageRecord:
    """Return a record as if nobody had counted its cells."""
    return dataclasses.replace(
        record, labelled=False, count=None, cells_per_mpx=None, density_class=None
    )


def refuse_unknown_columns(table: CsvTable) -> None:
    """Refuse a ``metadata.csv`` with columns that nobody would read."""
    unknown = [name for name in table.columns if name not in RECORD_COLUMNS]
    if unknown:
        raise InputError(
            f"The table {table.path} has a column that is not known: {unknown[0] or '(no name)'}.",
            expected="columns among " + ", ".join(RECORD_COLUMNS),
            found=", ".join(unknown),
            remedy="correct the spelling or remove the column",
        )
