"""The table of cell centres, ``points.csv``: image, x = column, y = row.

Tables of other programs are read too where their columns leave no doubt: ImageJ's results
(``XM,YM`` or ``X,Y``, whose pixel centres lie at .5), napari's points (``axis-0,axis-1``: row,
column) and the like.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from adaptoscope.datasets.paths import name_finder
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import CsvTable, read_table, write_table
from adaptoscope.images.cell_centres import Points

POINT_COLUMNS = ("image", "x", "y")
SHARPNESS = "sharpness"
"""Column of centres that a counter found: the answer of a Laplacian of Gaussian of cell size, as a
share of the median answer in the image."""

_IMAGE_COLUMNS = ("image", "Image", "file_name", "filename", "file", "Label")
_COORDINATES = (
    ("x", "y"),
    ("X", "Y"),
    ("x_px", "y_px"),
    ("col", "row"),
    ("column", "row"),
    ("XM", "YM"),
    ("axis-1", "axis-0"),
    ("centroid-1", "centroid-0"),
)
"""Names that column and row may have, in this order."""

# ImageJ numbers its rows in a column without a name, and calls the image Label.
_ONLY_IMAGEJ = frozenset({"", "Label", "Area", "Mean", "Slice", "XM"})
IMAGEJ_PIXEL_CENTRE = 0.5
"""Where ImageJ has the centre of the top-left pixel, in both axes."""
_FURTHER_AXES = ("axis-2", "centroid-2")


def points_of_table(path: Path) -> dict[str, Points]:
    """Read the centres of all images, as our tables or those of another program hold them.

    From base name of the image to centres of shape (N, 2), (row, column) in pixels, images in the
    order of the table. Images without a row are not in it; further columns are left alone.
    """
    table = read_table(path)
    image, *axes = _columns(table)
    shift = IMAGEJ_PIXEL_CENTRE if _is_imagej(table, axes[0]) else 0.0
    entries = table.column(image)
    x, y = (table.numbers(axis) for axis in axes)
    if not all(entries) or np.isnan(x).any() or np.isnan(y).any():
        raise InputError(
            f"The table {path} has a row without {image}, {axes[0]} or {axes[1]}.",
            expected="a file name and two coordinates in every row",
            found=",".join(_first_incomplete(table, (image, *axes)))[:200],
            remedy="complete or remove the row; an image without cells has no row",
        )
    # ImageJ puts the region of interest behind the image's name, after a colon.
    names = {
        entry: PurePosixPath(entry.partition(":")[0] if image == "Label" else entry).name
        for entry in dict.fromkeys(entries)
    }
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names.values()))}
    number_of = {entry: numbers[name] for entry, name in names.items()}
    rows = np.fromiter((number_of[entry] for entry in entries), np.intp, len(entries))
    order = np.argsort(rows, kind="stable")
    centres = np.column_stack([y - shift, x - shift])[order]
    ends = np.cumsum(np.bincount(rows, minlength=len(numbers)))
    return dict(zip(numbers, np.split(centres, ends[:-1]), strict=True)) if numbers else {}


POINT_READERS: Mapping[str, Callable[[Path], dict[str, Points]]] = dict.fromkeys(
    (".csv", ".tsv", ".txt"), points_of_table
)
"""What reads each kind of file of points; one for a further kind is a line here."""


def read_points(path: Path) -> dict[str, Points]:
    """Read the centres of all images, from the kind of file that its name says; else a table."""
    return POINT_READERS.get(path.suffix.lower(), points_of_table)(path)


def _first_incomplete(table: CsvTable, columns: Sequence[str]) -> list[str]:
    places = [table.columns.index(column) for column in columns]
    return next(line for line in table.lines if not all(line[place] for place in places))


def _columns(table: CsvTable) -> tuple[str, str, str]:
    """Return the names of the columns that hold image, x and y."""
    if set(POINT_COLUMNS) <= set(table.columns):
        return POINT_COLUMNS
    images = [name for name in _IMAGE_COLUMNS if name in table.columns]
    pairs = [pair for pair in _COORDINATES if set(pair) <= set(table.columns)]
    three = [name for name in _FURTHER_AXES if name in table.columns]
    if len(images) == 1 and len(pairs) == 1 and not three:
        return images[0], *pairs[0]
    if three:
        fault, remedy = "has points of three axes", "keep the two axes of the image only"
    elif len(images) > 1 or len(pairs) > 1:
        fault = "has several columns that could be meant"
        remedy = "leave one column for the image and one pair of coordinates"
    elif not images:
        fault = "does not say which image a point is in"
        remedy = "add a column image with the file name of the image, suffix included"
    else:
        fault = "lacks the coordinates of points"
        remedy = "name the columns image, x (column) and y (row), in pixels"
    raise InputError(
        f"The table {table.path} {fault}.",
        expected="columns image,x,y; or one pair of "
        + ", ".join(f"{x}/{y}" for x, y in _COORDINATES[1:]),
        found="columns " + ", ".join(table.columns),
        remedy=remedy,
    )


def _is_imagej(table: CsvTable, x_name: str) -> bool:
    """Tell whether coordinates are ImageJ's, where the first pixel's centre is (0.5, 0.5)."""
    return x_name == "XM" or (x_name == "X" and not _ONLY_IMAGEJ.isdisjoint(table.columns))


def write_points(path: Path, centres: Iterable[tuple[str, Points]]) -> None:
    """Write the centres of images: base name, and shape (N, 2), (row, column) in pixels."""
    write_table(
        path,
        POINT_COLUMNS,
        (
            (name, float(column), float(row))
            for name, points in centres
            for row, column in points.tolist()
        ),
    )


def write_sharp_points(
    path: Path, centres: Iterable[tuple[str, Points, npt.NDArray[np.float64]]]
) -> None:
    """Write centres as `write_points` does, and how sharp each is, shape (N,)."""
    write_table(
        path,
        (*POINT_COLUMNS, SHARPNESS),
        (
            (name, float(column), float(row), float(sharp))
            for name, points, sharpness in centres
            for (row, column), sharp in zip(points.tolist(), sharpness.tolist(), strict=True)
        ),
    )


def by_known_names(centres: Mapping[str, Points], known: Collection[str]) -> dict[str, Points]:
    """Call images as their files are called, where a table writes their names differently.

    Names of no image among the known base names are left as they are.
    """
    find = name_finder(known)
    found: dict[str, list[Points]] = {}
    for name, points in centres.items():
        found.setdefault(find(name) or name, []).append(points)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def refuse_stray_points(path: Path, centres: Mapping[str, Points], known: set[str]) -> None:
    """Refuse a table that places cells in images that are not among the known base names.

    A misspelt name would otherwise turn a full image into one without cells.
    """
    strays = sorted(set(centres) - known)
    if strays:
        raise InputError(
            f"The table {path} places cells in an image that is not there: {strays[0][:200]}.",
            expected="base names of images of this folder",
            found=f"{len(strays)} name(s) without an image",
            remedy="correct the names, or add the missing images",
        )
