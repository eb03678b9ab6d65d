"""Folders of images that other people made, read as they are.

The list of images is ``split.csv``, else ``counts.csv``, else ``quality.csv``; without a list,
every image of the folder is taken, but for masks that are named after an image beside them. Of a
list, the columns of `FOREIGN_COLUMNS` are used and the others are left alone. Images stand in
``images/`` or in the folder itself.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from adaptoscope.datasets.records import ImageRecord, image_record
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import CsvTable, read_table
from adaptoscope.imageio.files import list_images

LISTS = ("split.csv", "counts.csv", "quality.csv")
"""Names of lists, the first that exists being used."""

PREDICTED_COLUMNS = ("image", "count", "lower", "upper", "flag")
"""How a table of ``count predict`` begins: what a counter found, and no list of images."""

FOREIGN_COLUMNS: Mapping[str, str] = {
    "split": "split",
    "count": "count",
    "n_used": "count",
    "height": "height",
    "width": "width",
    "group": "group",
    "cluster": "group",
    "stain": "channel",
    "channel": "channel",
    "domain": "domain",
    "pixel_size_um": "pixel_size_um",
    "cell_diameter_px": "cell_diameter_px",
}
"""Columns of foreign lists that are used, and what they are called in ``metadata.csv``."""

_IDCIA_NAME = re.compile(r"(?P<culture>.+)_F\d+(\.\d+)?_.+_ND\d_20x")
# As Cellpose and others name what they found in an image, beside it.
_MASK_NAME = re.compile(r"(?P<image>.+?)_(cp_)?(masks?|labels?|outlines?|flows?)")
_USABLE_STATUS = re.compile(r"(ok|fixed\b.*)?", re.IGNORECASE)


def has_list(folder: Path) -> bool:
    """Tell whether a folder names its images (``metadata.csv`` or one of `LISTS`)."""
    return (folder / "metadata.csv").is_file() or _find_list(folder) is not None


def foreign_records(folder: Path) -> list[ImageRecord]:
    """List the images of a folder without ``metadata.csv``, by its list, else by file name.

    Images whose ``status`` in ``quality.csv`` is neither ``ok`` nor ``fixed`` are rejected ones.
    """
    table = _find_list(folder)
    if table is not None:
        return [_with_group(record) for record in _listed(folder, table)]
    below = "images/" if (folder / "images").is_dir() else ""
    files = list_images(folder / below)
    stems = {file.stem for file in files}
    files = [file for file in files if not is_named_as_mask(file.stem, stems)]
    return [_with_group(ImageRecord(file_name=below + file.name)) for file in files]


def is_named_as_mask(stem: str, images: Collection[str]) -> bool:
    """Tell whether a file is named as the mask of an image, as ``a_cp_masks`` beside ``a``."""
    match = _MASK_NAME.fullmatch(stem)
    return match is not None and match["image"] in images


def idcia_culture(stem: str) -> str | None:
    """Name the culture of an image of IDCIA: its file name up to ``_F`` and the field's number.

    Of ``220909_GFP-AHPC_A_GFAP_F10_DAPI_ND1_20x`` that is ``220909_GFP-AHPC_A_GFAP`` (also for a
    part of a field, ``F1.1``). None for a file that is not named in this way.
    """
    match = _IDCIA_NAME.fullmatch(stem)
    return match["culture"] if match else None


def _find_list(folder: Path) -> CsvTable | None:
    for name in LISTS:
        table = read_table(folder / name) if (folder / name).is_file() else None
        if table is not None and table.columns[: len(PREDICTED_COLUMNS)] != PREDICTED_COLUMNS:
            return table
    return None


def _listed(folder: Path, table: CsvTable) -> list[ImageRecord]:
    column = "image" if "image" in table.columns else "file_name"
    if column not in table.columns:
        raise InputError(
            f"The table {table.path} does not name images.",
            expected="a column image or file_name",
            found="columns " + ", ".join(table.columns),
            remedy="rename the column that holds the file names to image",
        )
    used = {name: ours for name, ours in FOREIGN_COLUMNS.items() if name in table.columns}
    records = []
    for row in table.rows:
        known = {ours: row[name] for name, ours in used.items() if row[name]}
        known["file_name"] = _place_of(folder, row[column])
        record = image_record(known, table.path)
        status = row.get("status", "")
        if not _USABLE_STATUS.fullmatch(status):
            record = dataclasses.replace(record, kept=False, reject_reason=status)
        records.append(record)
    return records


def _place_of(folder: Path, entry: str) -> str:
    """Find a file that is given by its base name in ``images/``, else in the folder itself."""
    if not entry or "/" in entry or "\\" in entry or not (folder / "images").is_dir():
        return entry
    return f"images/{entry}"


def _with_group(record: ImageRecord) -> ImageRecord:
    if record.group is not None:
        return record
    stem = PurePosixPath(record.file_name).stem
    return dataclasses.replace(record, group=idcia_culture(stem))
