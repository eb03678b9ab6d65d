"""What a folder to be imported is, and what of it an import took and left out."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.foreign import LISTS, has_list, is_named_as_mask
from adaptoscope.datasets.importers import IMPORTERS, SetLayout
from adaptoscope.errors import InputError
from adaptoscope.imageio.readers import FOREIGN_SUFFIXES, all_suffixes, file_suffixes

_HDF5 = (".h5", ".hdf5")
_READ = {"metadata.csv", "points.csv", "settings.json", "readme.md", "readme.txt", *LISTS}
_PICKLED = frozenset({".npy", ".npz", ".pickle", ".pkl"})
_POINT_FILES = frozenset({".csv", ".geojson", ".json", ".roi", ".tsv", ".txt", ".xml", ".zip"})
_MARKS = "marks"
"""Folder of the files that ``docs/marks_to_points.py`` joins into one table."""
_MOST_NAMED = 3


def find_layout(source: Path, stain: str | None = None) -> SetLayout:
    """Tell in which layout a data set is.

    ``cell200`` for an HDF5 file; ``folder`` for images with or without ``points.csv`` or a list;
    ``idcia`` for images with tables of the same names, or where a stain is asked for, as only it
    has a choice. What is none of these, or could be two, is refused with the candidates.
    """
    if source.suffix.lower() in _HDF5 and not source.is_dir():
        return "cell200"
    if not source.is_dir():
        raise InputError(
            f"There is no data set {source}.",
            expected="a folder of images, or an HDF5 file",
            found="another file" if source.exists() else "nothing",
            remedy="check the path",
        )
    if stain is not None:
        return "idcia"
    files = list(_files_below(source))
    images = [file for file in files if file.suffix.lower() in file_suffixes()]
    here = [file for file in images if file.parent in (source, source / "images")]
    tables = {
        file.stem
        for file in files
        if file.suffix.lower() == ".csv" and file.parent != source / _MARKS
    } - _stems(_READ)
    paired = len(tables & {file.stem for file in images})
    files_of_cell200 = [file for file in files if file.suffix.lower() in _HDF5]
    listed = has_list(source) or (source / "points.csv").is_file()
    if paired and not listed:
        return "idcia"
    if here and not paired:
        return "folder"
    if not images and files_of_cell200:
        found, remedy = str(files_of_cell200[0]), f"give the file itself: {files_of_cell200[0]}"
    elif here and paired:
        found = f"both: points.csv or a list, and {paired} image(s) with a table of the same name"
        remedy = "give --layout folder or --layout idcia"
    else:
        found = f"{len(images)} image(s) in other folders below, {paired} with a table of its name"
        remedy = (
            "give the folder that holds the images, or --layout idcia for a release of IDCIA whose "
            "images have no tables"
        )
    raise InputError(
        f"The layout of {source} is not clear.",
        expected="images in the folder or in images/, with or without points.csv and a list "
        "(folder); or images with tables of the same names, in any folders below (idcia)",
        found=found,
        remedy=remedy,
    )


def describe_import(imported: CountedImageSet) -> str:
    """Say how many images an import wrote, and what is known of their cells."""
    labelled = imported.labelled()
    counted = [record for record in imported if record.count is not None and not record.labelled]
    unknown = len(imported) - len(labelled) - len(counted)
    cells = sum(record.count or 0 for record in labelled)
    parts = [f"{len(labelled)} labelled with {cells} cells"]
    if counted:
        total = sum(record.count or 0 for record in counted)
        parts.append(f"{len(counted)} counted without centres, {total} cells")
    if unknown:
        parts.append(f"{unknown} unlabelled, without a row or a table of cell centres")
    return "; ".join(parts)


def describe_left_out(
    source: Path, layout: SetLayout, *, root: Path | None = None, stain: str = "DAPI"
) -> list[str]:
    """Say which files of a folder were not imported, and why, one line for each reason."""
    if not source.is_dir():
        return []
    used = list(IMPORTERS[layout].files(source, root, stain))
    taken, stems = {file.resolve() for file in used}, {file.stem for file in used}
    joined = any((source / name).is_file() for name in ("points.csv", "counts.csv"))
    groups: dict[str, list[str]] = {}
    for file in _files_below(source):
        is_mask = file.parent.name == "masks"
        is_mark = joined and file.parent == source / _MARKS and _marked_stem(file) in stems
        own = file.name.lower() in _READ or (is_mask and file.stem in stems) or is_mark
        if file.resolve() not in taken and not own:
            reason = _reason(source, file, stems, stain if layout == "idcia" else None)
            groups.setdefault(reason, []).append(file.relative_to(source).as_posix())
    return [f"left out: {_named(names)}: {reason}" for reason, names in groups.items()]


def _reason(source: Path, file: Path, stems: Collection[str], stain: str | None) -> str:
    suffix = file.suffix.lower()
    if file.parent == source / _MARKS and suffix in _POINT_FILES and _marked_stem(file) in stems:
        return f"marks that are not joined yet: python docs/marks_to_points.py {source}"
    if counter := re.fullmatch(r"CellCounter_(.+)\.xml", file.name, re.IGNORECASE):
        if counter[1] in stems or Path(counter[1]).stem in stems:
            return (
                "markers of Fiji's Cell Counter, which are not read; write their X and Y (Measure) "
                "with the image's name into points.csv"
            )
        return "markers of Fiji's Cell Counter whose image is not among those that were imported"
    if suffix in _PICKLED:
        return (
            "arrays of Python, as Cellpose writes *_seg.npy; they may hold pickles, which can run "
            "code, and are never read: save the masks as PNG or TIFF"
        )
    if suffix in file_suffixes():
        return _reason_of_image(source, file, stems, stain)
    if suffix in (*FOREIGN_SUFFIXES, *all_suffixes()):
        return "images of a format that is not imported; export them as TIFF"
    if suffix in _POINT_FILES:
        return "tables or annotations that are not read; cell centres are read from points.csv"
    return "no image and no table that is read"


def _reason_of_image(source: Path, file: Path, stems: Collection[str], stain: str | None) -> str:
    if file.parent.name == "masks":
        return "masks without an image of the same name"
    if is_named_as_mask(file.stem, stems):
        return "masks or outlines of an image; put masks into masks/ under the name of the image"
    if stain is not None:
        return f"images without {stain} in their name or folder; choose a stain with --stain"
    if file.parent not in (source, source / "images"):
        return "images in a folder below, where none are looked for"
    if has_list(source):
        return "images that the list of the folder does not name"
    return "images beside those in images/, which alone are read"


def _files_below(source: Path) -> Iterator[Path]:
    """Go through the files of a folder in order; an OME-Zarr folder is one, hidden ones none."""
    for place, folders, names in os.walk(source):
        zarr = [name for name in folders if name.lower().endswith(".zarr")]
        folders[:] = sorted(f for f in folders if f not in zarr and not f.startswith("."))
        yield from (Path(place) / name for name in sorted([*names, *zarr]) if name[0] != ".")


def _marked_stem(file: Path) -> str:
    """Return the stem of the image that a file of marks is called after."""
    return file.stem.removeprefix("CellCounter_")


def _stems(names: Collection[str]) -> set[str]:
    return {Path(name).stem for name in names}


def _named(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{len(names)} file(s), {shown}" + (f" and {rest} more" if rest > 0 else "")
