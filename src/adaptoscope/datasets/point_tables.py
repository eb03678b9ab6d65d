"""The table of cell centres, ``points.csv``: image, x = column, y = row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from adaptoscope.datasets.tables import parse_float, read_table, write_table
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points

POINT_COLUMNS = ("image", "x", "y")


def read_points(path: Path) -> dict[str, Points]:
    """Read the centres of all images.

    Parameters
    ----------
    path
        A table with the columns image, x and y; others are left alone.

    Returns
    -------
    dict
        From base name of the image to centres of shape (N, 2), (row, column) in pixels. Images
        without a row are not in it.

    Raises
    ------
    InputError
        If a column is missing or a coordinate is not a number.
    """
    table = read_table(path)
    table.require(*POINT_COLUMNS)
    pairs: dict[str, list[tuple[float, float]]] = {}
    for row in table.rows:
        x, y = parse_float(row["x"], "x", path), parse_float(row["y"], "y", path)
        if x is None or y is None or not row["image"]:
            raise InputError(
                f"The table {path} has a row without image, x or y.",
                expected="a file name and two coordinates in every row",
                found=",".join(row.values()),
                remedy="complete or remove the row; an image without cells has no row",
            )
        pairs.setdefault(PurePosixPath(row["image"]).name, []).append((y, x))
    return {name: np.array(centres, dtype=np.float64) for name, centres in pairs.items()}


def write_points(path: Path, centres: Iterable[tuple[str, Points]]) -> None:
    """Write the centres of all images.

    Parameters
    ----------
    path
        File to write.
    centres
        Base name of each image and its centres, shape (N, 2), (row, column) in pixels.
    """
    write_table(
        path,
        POINT_COLUMNS,
        (
            (name, float(column), float(row))
            for name, points in centres
            for row, column in points.tolist()
        ),
    )


def refuse_stray_points(path: Path, centres: Mapping[str, Points], known: set[str]) -> None:
    """Refuse a table that places cells in images that do not exist.

    A misspelt name would otherwise turn a full image into one without cells.

    Parameters
    ----------
    path
        The table.
    centres
        What `read_points` gave.
    known
        Base names of the images.

    Raises
    ------
    InputError
        If a name is not among them.
    """
    strays = sorted(set(centres) - known)
    if strays:
        raise InputError(
            f"The table {path} places cells in an image that is not there: {strays[0]}.",
            expected="base names of images of this folder, with their suffix",
            found=f"{len(strays)} name(s) without an image",
            remedy="correct the names, or add the missing images",
        )
