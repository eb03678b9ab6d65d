"""One row of ``metadata.csv``: everything that is known of one image."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from adaptoscope.datasets.tables import Cell, Table, parse_bool, parse_float, parse_int
from adaptoscope.errors import InputError

_SPLITS = {
    "training": "train",
    "validation": "val",
    "valid": "val",
    "dev": "val",
    "testing": "test",
}


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
    precision, recall, f1
        Agreement of the cells in the stylised image with those of the drawing, 0 to 1.
    invented, lost, merged
        Numbers of cells that the stylised image shows too many, lacks, or shows as one.
    """

    file_name: str
    count: int | None = None
    labelled: bool | None = None
    height: int | None = None
    width: int | None = None
    channel: str | None = None
    bit_depth: int | None = None
    intensity_low: float | None = None
    intensity_high: float | None = None
    pixel_size_um: float | None = None
    cell_diameter_px: float | None = None
    cells_per_mpx: float | None = None
    density_class: str | None = None
    domain: str | None = None
    synthetic: bool | None = None
    group: str | None = None
    split: str | None = None
    seed: int | None = None
    source_sha256: str | None = None
    layout: str | None = None
    style: str | None = None
    backbone: str | None = None
    strength: float | None = None
    guidance: float | None = None
    inversion: str | None = None
    kept: bool | None = None
    reject_reason: str | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    invented: int | None = None
    lost: int | None = None
    merged: int | None = None

    @property
    def name(self) -> str:
        """Base name of the file, as ``points.csv`` uses it."""
        return PurePosixPath(self.file_name).name

    @property
    def stem(self) -> str:
        """Base name without its suffix, as masks use it."""
        return PurePosixPath(self.file_name).stem

    def cells(self) -> list[Cell]:
        """Return the row of ``metadata.csv``, in the order of `COLUMNS`."""
        return [getattr(self, column) for column in COLUMNS]


COLUMNS = tuple(field.name for field in dataclasses.fields(ImageRecord))
"""Columns of ``metadata.csv`` in their order."""


def _column_type(annotation: object) -> type:
    if isinstance(annotation, types.UnionType):
        kinds: tuple[type, ...] = typing.get_args(annotation)
        return next(kind for kind in kinds if kind is not type(None))
    return annotation if isinstance(annotation, type) else str


COLUMN_TYPES: Mapping[str, type] = {
    name: _column_type(annotation)
    for name, annotation in typing.get_type_hints(ImageRecord).items()
}
"""What each column holds."""


def record_from_row(row: Mapping[str, str], path: Path) -> ImageRecord:
    """Read one row whose columns are named as those of ``metadata.csv``.

    Parameters
    ----------
    row
        Text by column; columns that are missing are unknown.

    Returns
    -------
    ImageRecord
        The row's values.
    """
    values: dict[str, Cell] = {}
    for column, text in row.items():
        kind = COLUMN_TYPES[column]
        if kind is bool:
            values[column] = parse_bool(text, column, path)
        elif kind is int:
            values[column] = parse_int(text, column, path)
        elif kind is float:
            values[column] = parse_float(text, column, path)
        else:
            values[column] = text or None
    if isinstance(values.get("split"), str):
        values["split"] = split_name(str(values["split"]))
    return check_record(ImageRecord(**values), path)  # type: ignore[arg-type]


def split_name(text: str) -> str:
    """Give a split its usual name.

    Parameters
    ----------
    text
        As written in a table, for example ``Validation``.

    Returns
    -------
    str
        ``train``, ``val`` or ``test`` for their common spellings, else the text in lower case.
    """
    return _SPLITS.get(text.strip().lower(), text.strip().lower())


def without_label(record: ImageRecord) -> ImageRecord:
    """Return a record as if nobody had counted its cells."""
    return dataclasses.replace(
        record, labelled=False, count=None, cells_per_mpx=None, density_class=None
    )


def refuse_unknown_columns(table: Table) -> None:
    """Refuse a ``metadata.csv`` with columns that nobody would read."""
    unknown = [name for name in table.columns if name not in COLUMNS]
    if unknown:
        raise InputError(
            f"The table {table.path} has a column that is not known: {unknown[0] or '(no name)'}.",
            expected="columns among " + ", ".join(COLUMNS),
            found=", ".join(unknown),
            remedy="correct the spelling or remove the column",
        )


def check_record(record: ImageRecord, path: Path) -> ImageRecord:
    """Return a record if its values are possible.

    Parameters
    ----------
    path
        Table to name in the error.

    Returns
    -------
    ImageRecord
        The same record.
    """
    faults = [
        f"{column} = {getattr(record, column)}"
        for column, low, high in _RANGES
        if getattr(record, column) is not None and not low <= getattr(record, column) <= high
    ]
    if not record.file_name or faults:
        raise InputError(
            f"The table {path} has an impossible value for {record.file_name or 'an image'}.",
            expected="counts and sizes of at least 0, rates from 0 to 1, every image named",
            found=", ".join(faults) or "a row without file_name",
            remedy="correct the entry or empty it",
        )
    return record


_RANGES = (
    *((column, 0, float("inf")) for column in ("count", "invented", "lost", "merged")),
    *((column, 0.0, 1.0) for column in ("precision", "recall", "f1")),
    *((column, 1, float("inf")) for column in ("height", "width")),
    *((column, 1e-6, float("inf")) for column in ("pixel_size_um", "cell_diameter_px")),
    ("cells_per_mpx", 0.0, float("inf")),
    ("bit_depth", 8, 16),
)
