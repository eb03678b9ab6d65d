"""The images of several files and folders, under names that tell them apart."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adaptoscope.counting.channel_files import of_one_channel
from adaptoscope.counting.images_to_count import FileToCount, ImagesToCount, images_to_count
from adaptoscope.errors import printable


def images_of_places(
    places: Sequence[Path], channel: int | None = None
) -> tuple[tuple[FileToCount, ...], tuple[ImagesToCount, ...]]:
    r"""Find the images of several places, each image once, under names that tell them apart.

    Parameters
    ----------
    places
        Files and folders, each as in `images_to_count`.
    channel
        Which files are taken of sites whose channels are files of their own, as in
        `of_one_channel`.

    Returns
    -------
    tuple
        The files in the order of the places, and what each place offers. A base name that occurs
        in several folders is preceded by as many of the folders above it as tell the images apart,
        as ``day1/a.tif`` and ``day2/a.tif``. Bytes of a name that are not UTF-8 are written as
        ``\xe9``, since a table is UTF-8.
    """
    found = _of_one_channel([images_to_count(place) for place in places], channel)
    files: dict[Path, FileToCount] = {}
    for file in (file for each in found for file in each.files):
        files.setdefault(Path(os.path.realpath(file.path.parent)) / file.path.name, file)
    alike: dict[str, list[Path]] = {}
    for place, file in files.items():
        alike.setdefault(file.name, []).append(place.parent)
    folders = {name: _told_apart(above) for name, above in alike.items()}
    named = (
        replace(file, name=_in_utf8("/".join((*folders[file.name][place.parent], file.name))))
        for place, file in files.items()
    )
    return tuple(named), found


def _of_one_channel(
    found: Sequence[ImagesToCount], channel: int | None
) -> tuple[ImagesToCount, ...]:
    """Keep one channel of each folder, files that were given one by one taken together."""
    together: dict[Path, list[FileToCount]] = {}
    for file in (file for each in found if each.folder is None for file in each.files):
        together.setdefault(file.path.parent, []).append(file)
    kept = {
        file.path: file
        for folder, files in together.items()
        for file in of_one_channel(ImagesToCount(tuple(files), folder), channel).files
    }
    return tuple(
        of_one_channel(each, channel)
        if each.folder is not None
        else replace(each, files=tuple(kept[f.path] for f in each.files if f.path in kept))
        for each in found
    )


def _told_apart(folders: Sequence[Path]) -> dict[Path, tuple[str, ...]]:
    """Return of each folder the fewest of its last names that no other one ends with."""
    parts = {folder: (folder.drive.strip("\\/:"), *folder.parts[1:]) for folder in folders}
    apart: dict[Path, tuple[str, ...]] = {}
    depth = 0
    while len(apart) < len(folders):
        ends = {folder: names[max(len(names) - depth, 0) :] for folder, names in parts.items()}
        often = Counter(ends.values())
        apart |= {one: end for one, end in ends.items() if often[end] == 1 and one not in apart}
        depth += 1
    return apart


def _in_utf8(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        return printable(name, keep="")
    return name
