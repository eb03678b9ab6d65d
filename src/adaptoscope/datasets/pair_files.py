"""The files that a table of image pairs names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from adaptoscope.datasets.paths import find_inside
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage, read_image


def read_plane(path: Path) -> MicroscopyImage:
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


def locate_files(
    folder: Path, root: Path | None, table: Path, entries: Iterable[str]
) -> dict[str, Path]:
    """Find the files that a table names.

    Parameters
    ----------
    folder
        Where the table lies.
    root
        Further folder in which files may lie.
    entries
        Paths as the table gives them.

    Returns
    -------
    dict
        From path as given to the file.
    """
    files: dict[str, Path] = {}
    for entry in dict.fromkeys(entries):
        files[entry] = find_inside(folder, entry, root, table)[1]
        if not files[entry].is_file():
            raise InputError(
                f"A file that {table} lists is missing: {entry}.",
                expected=f"the file {files[entry]}",
                found="nothing",
                remedy="restore the file or remove the row",
            )
    return files
