"""Folders of image pairs: what the microscope shows, and the same field stained.

``pairs.csv`` has the columns input and target (paths from the folder) and may have mask, stain,
modality, split and group; others are left alone. ``points.csv``, where it exists, gives the cell
centres by the base name of an image of the field: the input, the target, or another input of the
same target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.point_tables import by_known_names, read_points
from adaptoscope.datasets.record_set import RecordSet, locate_files
from adaptoscope.datasets.records import SplitName
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import Text, read_table, row_as
from adaptoscope.imageio.files import MicroscopyImage, read_header, read_image, read_mask
from adaptoscope.images.cell_centres import Points, check_points, no_points

PAIR_COLUMNS = ("input", "target", "stain", "modality", "split", "group", "mask")
"""Columns of ``pairs.csv`` that are used."""


@dataclass(frozen=True)
class PairRecord:
    """One row of ``pairs.csv``; None where nothing is known.

    Parameters
    ----------
    input
        Path of the image that is given, with forward slashes, as ``images/field_01_bf.png``.
    target
        Path of the stained image of the same field.
    stain
        Name of the stain.
    modality
        How the given image was taken, as ``brightfield``.
    split
        ``train``, ``val``, ``test`` or another name.
    group
        Culture, plate or field: pairs that must not be divided between training and testing.
    mask
        Path of a label image of the field.
    """

    input: str
    target: str
    stain: Text = None
    modality: Text = None
    split: SplitName = None
    group: Text = None
    mask: Text = None

    @property
    def name(self) -> str:
        """Base name of the given image, as ``points.csv`` uses it."""
        return PurePosixPath(self.input).name


@dataclass(frozen=True)
class StainPair:
    """Two images of the same field and size: without the stain or with another one, and stained."""

    given: MicroscopyImage
    stain: MicroscopyImage


@dataclass(frozen=True)
class PairedStainSet(RecordSet[PairRecord]):
    """Image pairs; pixels are read when asked for.

    Parameters
    ----------
    folder
        The folder that was opened.
    records
        One record per pair, in the order of ``pairs.csv``.
    """

    _files: Mapping[str, Path] = field(default_factory=dict, repr=False)
    _centres: Mapping[str, Points] | None = field(default=None, repr=False)
    _listed: tuple[PairRecord, ...] = field(default=(), repr=False)

    def select(
        self, *, split: str | None = None, stain: str | None = None, modality: str | None = None
    ) -> PairedStainSet:
        """Return the pairs of one split, stain or modality, at least one; None leaves it open.

        Raises
        ------
        InputError
            If no pair is left.
        """
        asked = {"split": split, "stain": stain, "modality": modality}
        wanted = {column: value for column, value in asked.items() if value is not None}
        left = [
            record
            for record in self.records
            if all(getattr(record, column) == value for column, value in wanted.items())
        ]
        if not left:
            present = {
                column: sorted({str(getattr(record, column)) for record in self.records})
                for column in wanted
            }
            raise InputError(
                f"No pair of {self.folder} is what was asked for.",
                expected="; ".join(f"{key}: {', '.join(names)}" for key, names in present.items()),
                found=", ".join(f"{column} {value}" for column, value in wanted.items()),
                remedy="choose among what pairs.csv names",
            )
        return self.with_records(left)

    def read(self, record: PairRecord) -> StainPair:
        """Read both images of a pair of this set.

        Raises
        ------
        InputError
            If an image cannot be read, or the two are not of the same size.
        """
        given = self.read_given(record)
        stain = _read_plane(self._files[record.target])
        if given.shape != stain.shape:
            raise InputError(
                f"The images of a pair in {self.folder} are not of the same size.",
                expected=f"{record.target} of {given.shape} pixels, as {record.input}",
                found=f"{stain.shape} pixels",
                remedy="register the images and cut them to the same field",
            )
        return StainPair(given, stain)

    def read_given(self, record: PairRecord) -> MicroscopyImage:
        """Read the given image of a pair alone; the stained one is not opened."""
        return _read_plane(self._files[record.input])

    def mask(self, record: PairRecord) -> NDArray[np.uint16] | None:
        """Read the label image of a pair, (H, W), 0 for background; None where there is none."""
        return None if record.mask is None else read_mask(self._files[record.mask])

    @property
    def has_points(self) -> bool:
        """Whether the cells are marked, that is, whether there is a ``points.csv``."""
        return self._centres is not None

    def points(self, record: PairRecord) -> Points:
        """Return the cell centres of a pair.

        Returns
        -------
        numpy.ndarray
            Shape (N, 2), float64, (row, column) in pixels. A field without a row has no cells.

        Raises
        ------
        InputError
            If the folder has no ``points.csv`` or a centre lies outside the image.
        """
        if self._centres is None:
            raise InputError(
                f"The cells of the pairs in {self.folder} are not marked.",
                expected="points.csv (image,x,y), by the base name of an image of the pair",
                found="no such file",
                remedy="add points.csv, or measure the stain without cell centres",
            )
        header = read_header(self._files[record.input])
        field_names = [record.name, PurePosixPath(record.target).name]
        # Centres may be listed by an input that is not among the selected pairs.
        known = self._listed or self.records
        field_names += [other.name for other in known if other.target == record.target]
        marked = [self._centres[name] for name in field_names if name in self._centres]
        points = marked[0] if marked else no_points()
        return check_points(points, (header.height, header.width), name=record.input)

    def hashes(self, split: str | None = None) -> dict[str, str]:
        """Return the SHA-256 of every image's pixels by path, or of those of one split."""
        paths = [path for item in self.images_of(split) for path in (item.input, item.target)]
        return {path: read_image(self._files[path]).sha256 for path in dict.fromkeys(paths)}


def open_paired_stains(folder: Path, *, root: Path | None = None) -> PairedStainSet:
    """Open a folder of image pairs; no image is decoded.

    Parameters
    ----------
    folder
        A folder with ``pairs.csv``.
    root
        Further folder in which listed files may lie.

    Returns
    -------
    PairedStainSet
        At least one pair.

    Raises
    ------
    InputError
        If there is no pair, or a listed file is missing or lies elsewhere.
    """
    folder = Path(folder)
    if not (folder / "pairs.csv").is_file():
        raise InputError(
            f"The folder {folder} holds no image pairs.",
            expected="pairs.csv, with the columns input and target and a row for each pair",
            found="no such file" if folder.is_dir() else "no such folder",
            remedy="check the path; write the table if only that is missing",
        )
    table = read_table(folder / "pairs.csv")
    table.require("input", "target")
    records = tuple(row_as(PairRecord, row, table.path) for row in table.rows)
    if not records or any(not record.input or not record.target for record in records):
        raise InputError(
            f"The table {table.path} does not list image pairs.",
            expected="at least one row, each with input and target",
            found=f"{len(records)} rows, some of them incomplete" if records else "no row",
            remedy="complete or remove the rows",
        )
    listed = (path for each in records for path in (each.input, each.target, each.mask) if path)
    files = locate_files(folder, root, table.path, listed)
    centres = folder / "points.csv"
    read = None
    if centres.is_file():
        listed_as = {file.name: Path(entry).name for entry, file in files.items()}
        points = by_known_names(read_points(centres), listed_as)
        read = {listed_as.get(name, name): found for name, found in points.items()}
    return PairedStainSet(folder, records, files, read, records)


def _read_plane(path: Path) -> MicroscopyImage:
    """Read an image of a pair, which has one channel: a table of pairs knows no choice."""
    try:
        return read_image(path)
    except InputError as error:
        if "--channel" not in error.remedy and "--z" not in error.remedy:
            raise
        raise InputError(
            error.summary,
            expected="images of one channel and one focal plane, as pairs.csv names no other",
            found=error.found,
            remedy="save the channel or plane as an image of its own and name it in pairs.csv",
        ) from error
