"""Paths that a table names, kept inside the folder that the user opened."""

from __future__ import annotations

import ntpath
import posixpath
from pathlib import Path

from adaptoscope.errors import InputError


def resolve_inside(folder: Path, entry: str, root: Path | None, table: Path) -> Path:
    """Return the file that a table's entry means, if it lies where the user allows.

    Parameters
    ----------
    folder
        Folder that the table stands in.
    entry
        Path from that folder, with forward slashes.
    root
        Further folder in which files may lie; None allows only `folder`.
    table
        Table to name in the error.

    Returns
    -------
    pathlib.Path
        The file, which need not exist. Links are followed before its place is judged.

    Raises
    ------
    InputError
        If the entry is absolute or leads out of the folder and of `root`.
    """
    allowed = [place.resolve() for place in (folder, root) if place is not None]
    absolute = posixpath.isabs(entry) or ntpath.isabs(entry) or bool(ntpath.splitdrive(entry)[0])
    if not absolute and "\\" not in entry and "\0" not in entry:
        place = (folder / entry).resolve()
        if any(place.is_relative_to(parent) for parent in allowed):
            return place
    raise InputError(
        f"The table {table} names a file outside its folder.",
        expected=f"a path from {folder}, with forward slashes, that stays inside",
        found=repr(entry),
        remedy="if the file is meant, allow the folder that holds it with --root DIR",
    )
