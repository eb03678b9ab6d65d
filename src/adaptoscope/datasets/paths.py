"""Paths that a table names, kept inside the folder that the user opened."""

from __future__ import annotations

import ntpath
import os
import posixpath
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath

from adaptoscope.errors import InputError
from adaptoscope.imageio.readers import file_suffixes

# Longest name of a file that Linux, macOS and Windows know, in bytes.
_LONGEST_NAME = 255


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
    """
    allowed = [place.resolve() for place in (folder, root) if place is not None]
    absolute = posixpath.isabs(entry) or ntpath.isabs(entry) or bool(ntpath.splitdrive(entry)[0])
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in entry.split("/")):
        raise InputError(
            f"The table {table} names a file that cannot exist.",
            expected=f"names of at most {_LONGEST_NAME} bytes",
            found=f"{entry[:60]!r}... of {len(entry)} letters",
            remedy="correct the entry, or check that the columns are in their places",
        )
    if not absolute and "\\" not in entry and "\0" not in entry:
        try:
            place = (folder / entry).resolve()
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"The table {table} names a file that cannot be found.",
                expected="a path whose links end at a file",
                found=f"{entry[:200]!r}: {error}",
                remedy="restore the file or remove the row",
            ) from error
        if any(place.is_relative_to(parent) for parent in allowed):
            return place
    raise InputError(
        f"The table {table} names a file outside its folder.",
        expected=f"a path from {folder}, with forward slashes, that stays inside",
        found=repr(entry[:200]),
        remedy="if the file is meant, allow the folder that holds it with --root DIR",
    )


def find_inside(folder: Path, entry: str, root: Path | None, table: Path) -> tuple[str, Path]:
    """Return the entry as the file is called on disk, and the file, which need not exist.

    The table may write the name differently, see `name_finder`; parameters as `resolve_inside`.
    """
    place = resolve_inside(folder, entry, root, table)
    if place.is_file() or not entry:
        return entry, place
    parent = place.parent
    if not parent.is_dir():
        return entry, place
    other = _finder_in(parent, parent.stat().st_mtime_ns)(place.name)
    if other is None:
        return entry, place
    called = str(PurePosixPath(entry).with_name(other))
    return called, resolve_inside(folder, called, root, table)


def name_finder(names: Iterable[str]) -> Callable[[str], str | None]:
    """Return what finds an image's name among others, however a table writes it.

    The same name is meant; else the only one with the same letters, whose accents macOS stores as
    characters of their own; else, for a name without the suffix of an image, the only one that it
    is the stem of. None where there is no such, or several.
    """
    known = frozenset(names)
    forms: dict[str, set[str]] = {}
    for name in known:
        whole = unicodedata.normalize("NFC", name)
        stem, suffix = ntpath.splitext(whole)
        stems = (stem, ntpath.splitext(stem)[0] if stem.lower().endswith(".ome") else stem)
        for form in {whole, *(stems if suffix.lower() in file_suffixes() else ())}:
            forms.setdefault(form, set()).add(name)

    def find(name: str) -> str | None:
        if name in known:
            return name
        found = forms.get(unicodedata.normalize("NFC", name), set())
        return next(iter(found)) if len(found) == 1 else None

    return find


@lru_cache(maxsize=16)
def _finder_in(folder: Path, changed: int) -> Callable[[str], str | None]:
    images = (entry.name for entry in folder.iterdir())
    return name_finder(name for name in images if name.lower().endswith(file_suffixes()))
