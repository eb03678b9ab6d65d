"""Which files folders offer for counting, and what is said of the others."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from adaptoscope.counting.channel_files import channels_in, several_channels
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.foreign import has_list
from adaptoscope.errors import AdaptoscopeError, InputError, printable
from adaptoscope.imageio.files import MicroscopyImage, list_images, read_header, read_image
from adaptoscope.imageio.large_images import LargeImage, is_large, large_image
from adaptoscope.imageio.readers import FOREIGN_SUFFIXES, all_suffixes, is_image_folder

# Wells (A01, r03c03), MetaXpress' time points and runs, and Harmony's folder of a plate's images.
_PLATE_FOLDER = re.compile(r"[A-P]\d{1,2}|r\d+c\d+|TimePoint_\d+|ZStep_\d+|\d+|Images", re.I)
# MetaXpress writes a small copy of each image beside it.
_THUMBNAIL = re.compile(r"_w\d+_thumb[\dA-F-]*\.tiff?$", re.IGNORECASE)
_MOST_NAMED = 3
_MOST_ENTERED = 400


@dataclass(frozen=True)
class FileToCount:
    """One file that is an image.

    Parameters
    ----------
    path
        Where it is.
    pixel_size_um
        Edge of a pixel in micrometres, where a list says so.
    is_channel
        Whether the file is the channel that was asked for, and none is to be chosen inside it.
    """

    name: str
    path: Path
    pixel_size_um: float | None = None
    is_channel: bool = False


@dataclass(frozen=True)
class ImagesToCount:
    """What is counted, and what is not.

    Parameters
    ----------
    files
        Every image, those of kinds that cannot be read included.
    folder
        Where the images lie; None for a single file.
    """

    files: tuple[FileToCount, ...]
    folder: Path | None = None
    others: int = 0
    folders: int = 0
    is_listed: bool = False

    def left_out(self) -> str:
        """Say in one line what of the folder was not looked at; empty where that is nothing."""
        parts = []
        if self.others:
            parts.append(f"{self.others} file(s) that are no images")
        if self.folders:
            parts.append(f"{self.folders} sub-folder(s), which are not entered")
        return f"Left out of {self.folder}: {'; '.join(parts)}." if parts else ""


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
    found = _of_one_channel_each([images_to_count(place) for place in places], channel)
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


def images_to_count(place: Path) -> ImagesToCount:
    """Find the images of a folder, in the order in which they are counted.

    Parameters
    ----------
    place
        One image, which may be an OME-Zarr folder; a folder of images, or with images in
        ``images/``; or a folder with a list, of which only the listed images are taken.

    Returns
    -------
    ImagesToCount
        At least one file. Of a folder without a list, files that look like images of a kind that
        cannot be read are in it too, so that none is passed over in silence.
    """
    if place.is_file() or is_image_folder(place):
        return ImagesToCount((FileToCount(place.name, place),))
    refuse_absent(place)
    if has_list(place):
        return ImagesToCount(tuple(_listed(place)), place, is_listed=True)
    folder = place / "images" if (place / "images").is_dir() else place
    files = list_images(folder, (*all_suffixes(), *FOREIGN_SUFFIXES))
    files = [file for file in files if not _THUMBNAIL.search(file.name)]
    rest = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    folders = [entry for entry in rest if entry.is_dir() and entry not in files]
    others = len(rest) - len(files) - len(folders)
    if not files:
        raise _without_images(folder, others, folders)
    found = tuple(FileToCount(file.name, file) for file in files)
    return ImagesToCount(found, folder, others, len(folders))


def _without_images(folder: Path, others: int, folders: list[Path]) -> InputError:
    below = list(_with_images(folders))
    inside = ", ".join(str(place) for place in below[:_MOST_NAMED])
    is_plate = len(below) > 1 or any(_PLATE_FOLDER.fullmatch(place.name) for place in below)
    kind = "plate or a set of folders, which" if is_plate else "folder that"
    return InputError(
        f"The folder {folder} holds no image that can be counted."
        + (f" It seems to be a {kind} holds images further down." if below else ""),
        expected="PNG, TIFF or OME-Zarr images in the folder itself, or in images/",
        found=f"{others} other file(s) and {len(folders)} sub-folder(s)"
        + (f", {len(below)} of them with images" if below else ""),
        remedy=f"give one folder at a time, as none is entered: {inside}"
        if below
        else "check the path; give a sub-folder by itself, as none is entered",
    )


def _with_images(folders: Iterable[Path], levels: int = 3) -> Iterator[Path]:
    """Find the folders that hold images, level by level, a few of each."""
    for place in sorted(folders)[:_MOST_ENTERED]:
        entries = sorted(entry for entry in place.iterdir() if not entry.name.startswith("."))
        if list_images(place, all_suffixes()):
            yield place
        elif levels:
            yield from _with_images((each for each in entries if each.is_dir()), levels - 1)


def refuse_absent(place: Path) -> None:
    """Refuse a path at which nothing is."""
    if not (place.is_file() or place.is_dir()):
        raise InputError(
            f"There is nothing to count at {place}.",
            expected="an image or a folder of images",
            found="no such file or folder",
            remedy="check the path",
        )


def of_one_channel(found: ImagesToCount, channel: int | None) -> ImagesToCount:
    """Keep the files of one channel, where the channels of a site lie in files of their own.

    Parameters
    ----------
    found
        What a folder holds. A list of images says for itself what is counted, and stays as it is.
    channel
        Number of the channel in the names of the files; None where nobody has chosen.

    Returns
    -------
    ImagesToCount
        The same where no two files differ only in the channel that they name, or where each file
        holds several channels itself.
    """
    tokens = {} if found.is_listed else channels_in([file.name for file in found.files])
    if not tokens or _channels_inside(found, next(iter(tokens))) > 1:
        return found
    if channel not in {token.number for token in tokens.values()}:
        raise several_channels(found.folder, list(tokens.values()), channel)
    files = tuple(
        replace(file, is_channel=True) if file.name in tokens else file
        for file in found.files
        if file.name not in tokens or tokens[file.name].number == channel
    )
    return replace(found, files=files)


def _of_one_channel_each(
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


def _channels_inside(found: ImagesToCount, name: str) -> int:
    path = next(file.path for file in found.files if file.name == name)
    try:
        return read_header(path).channels
    except AdaptoscopeError:
        return 1


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


@contextmanager
def opened_image(
    path: Path,
    *,
    channel: int | None,
    z: int | Literal["max"] | None,
    max_pixels: int,
    in_parts: bool,
) -> Iterator[MicroscopyImage | LargeImage]:
    """Open one image: a large one stays on disk where that can be done, any other is read whole.

    Parameters
    ----------
    channel, z
        As in `adaptoscope.imageio.files.read_image`.
    max_pixels
        Most pixels of an image that has to be read whole.
    in_parts
        Whether the counter can count an image that stays on disk.
    """
    refuse_foreign_kind(path)
    with large_image(path, channel=channel, z=z) as large:
        if large is None:
            yield read_image(path, channel=channel, z=z, max_pixels=max_pixels)
            return
        too_large = large.shape[0] * large.shape[1] > max_pixels
        if in_parts and (too_large or is_large(large.shape)):
            yield large
        elif too_large:
            raise InputError(
                f"The image {path.name} is too large for this counter, which needs it whole.",
                expected=f"at most {max_pixels:,} pixels, as --max-pixels says",
                found=f"{large.shape[0]} x {large.shape[1]} pixels (height x width)",
                remedy="choose a density counter, as --model nuclei, which reads it in parts; or "
                "raise --max-pixels where the memory is there",
            )
        elif path.is_dir():
            yield large.whole(max_pixels=max_pixels)
        else:
            yield read_image(path, channel=channel, z=z, max_pixels=max_pixels)


def refuse_foreign_kind(path: Path) -> None:
    """Refuse an image of a kind that is known and cannot be read, and say what to do with it.

    Parameters
    ----------
    path
        The file; only its name is looked at.
    """
    if path.suffix.lower() in FOREIGN_SUFFIXES:
        raise InputError(
            f"The image {path.name} is of a kind that is not read.",
            expected="PNG or TIFF, lossless",
            found=path.suffix,
            remedy="export it as TIFF or PNG from the program that wrote it; of a lossy copy such "
            "as JPEG, take the original",
        )


def _listed(folder: Path) -> Iterator[FileToCount]:
    opened = open_counted_images(folder)
    for record in opened:
        yield FileToCount(record.name, opened.path(record), record.pixel_size_um)
