"""The list of a folder's images, brought together with their files and cell centres."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.datasets.foreign import foreign_records, has_list
from adaptoscope.datasets.output_folder import RECORDS_FOLDER, SETTINGS_FILE
from adaptoscope.datasets.paths import find_inside
from adaptoscope.datasets.point_tables import by_known_names, read_points, refuse_stray_points
from adaptoscope.datasets.records import ImageRecord, image_record, refuse_unknown_columns
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import read_table
from adaptoscope.imageio.readers import file_suffixes
from adaptoscope.images.cell_centres import Points


@dataclass(frozen=True)
class FolderListing:
    """What the tables of a folder say.

    One record per image, rejected ones included; from file name to the file, with links followed;
    and from file name to cell centres, shape (N, 2), of images with a row in ``points.csv``.
    """

    records: tuple[ImageRecord, ...]
    files: Mapping[str, Path]
    centres: Mapping[str, Points]


def read_listing(folder: Path, root: Path | None) -> FolderListing:
    """Read the tables of an existing folder and check that they agree.

    An image that a list names in a set with ``points.csv``, but that has no row there, has no
    cells; an image that no list names is then unlabelled. Listed files may lie in `root` too.
    """
    own = (folder / "metadata.csv").is_file()
    _refuse_unfinished(folder)
    listed = _own_records(folder) if own else foreign_records(folder)
    records, files = _locate(folder, root, listed)
    centres, with_points = _find_centres(folder, files)
    if not has_list(folder):
        with_points &= set(centres)
    labelled = [_labelled(folder, record, centres, with_points) for record in records]
    return FolderListing(tuple(labelled), files, centres)


def _refuse_unfinished(folder: Path) -> None:
    begun = (folder / SETTINGS_FILE).is_file() and (folder / RECORDS_FOLDER).is_dir()
    if not begun or (folder / "metadata.csv").is_file():
        return
    raise InputError(
        f"The folder {folder} is not finished.",
        expected="metadata.csv, which is written last",
        found=f"{RECORDS_FOLDER}/ of a command that was stopped or still runs",
        remedy="let the command end, or repeat it: what it has written is kept",
    )


def _own_records(folder: Path) -> list[ImageRecord]:
    table = read_table(folder / "metadata.csv")
    table.require("file_name")
    refuse_unknown_columns(table)
    return [image_record(row, table.path) for row in table.rows]


def _locate(
    folder: Path, root: Path | None, listed: Sequence[ImageRecord]
) -> tuple[list[ImageRecord], dict[str, Path]]:
    """Find the files of the records; these are then called as their files are."""
    records: list[ImageRecord] = []
    files: dict[str, Path] = {}
    names: dict[str, str] = {}
    for entry in listed:
        called, place = find_inside(folder, entry.file_name, root, folder)
        record = dataclasses.replace(entry, file_name=called)
        if not place.is_file():
            raise InputError(
                f"An image that is listed in {folder} is missing: {record.file_name}.",
                expected=f"the file {place}",
                found="nothing",
                remedy="restore the file or remove it from the list",
            )
        if record.name in names:
            raise InputError(
                f"Two images listed in {folder} have the same base name.",
                expected="every base name once, as points.csv tells images apart by it",
                found=f"{names[record.name]} and {record.file_name}",
                remedy="rename one of them, or remove the repeated row",
            )
        names[record.name] = record.file_name
        files[record.file_name] = place
        records.append(record)
    return records, files


def home_of(folder: Path, file: Path) -> Path:
    """Return the data set that an image (its file, with links followed) belongs to.

    The opened folder where the image lies inside it, else ``OTHER`` for an image in
    ``OTHER/images``, else the image's own folder.
    """
    if file.is_relative_to(folder.resolve()):
        return folder
    return file.parent.parent if file.parent.name == "images" else file.parent


def _find_centres(folder: Path, files: Mapping[str, Path]) -> tuple[dict[str, Points], set[str]]:
    """Read the centres of all images; also tell which images are in a set that has centres."""
    own = (folder / "points.csv").is_file()
    members: dict[Path, list[str]] = {}
    for file_name, file in files.items():
        members.setdefault(folder if own else home_of(folder, file), []).append(file_name)
    centres: dict[str, Points] = {}
    with_points: set[str] = set()
    for home, file_names in members.items():
        table = home / "points.csv"
        if not table.is_file():
            continue
        read = read_points(table)
        names = {files[file_name].name: file_name for file_name in file_names}
        entries = (entry.name for place in (home, home / "images") for entry in _entries(place))
        present = {name for name in entries if name.lower().endswith(file_suffixes())} | set(names)
        read = by_known_names(read, present)
        refuse_stray_points(table, read, present)
        centres |= {names[name]: points for name, points in read.items() if name in names}
        with_points |= set(file_names)
    return centres, with_points


def _entries(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def _labelled(
    folder: Path, record: ImageRecord, centres: Mapping[str, Points], with_points: set[str]
) -> ImageRecord:
    """Fill in what ``points.csv`` tells, and refuse what it contradicts."""
    has_points = record.file_name in with_points
    if record.labelled is None:
        record = dataclasses.replace(record, labelled=has_points)
    if not record.labelled:
        return record
    number = len(centres.get(record.file_name, ()))
    if not has_points or record.count not in (None, number):
        raise InputError(
            f"The cells of {record.file_name} in {folder} are not those of its list.",
            expected="points.csv" if not has_points else f"{record.count} cells, as its list says",
            found="no such file" if not has_points else f"{number} rows in points.csv",
            remedy="restore points.csv or correct the list; leave count empty if it is unknown",
        )
    return dataclasses.replace(record, count=number)
