"""Which files a folder offers for counting, and what is said of the others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.foreign import has_list
from adaptoscope.errors import InputError, printable
from adaptoscope.images.files import IMAGE_SUFFIXES, MicroscopyImage, list_images, read_image
from adaptoscope.images.large_images import LargeImage, is_large, large_image
from adaptoscope.images.zarr_files import ZARR_SUFFIX

FOREIGN_SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".jp2", ".gif", ".webp", ".bmp", ".heic", ".avif"),
    *(".nd2", ".czi", ".lif", ".lsm", ".oib", ".oif", ".vsi", ".ims", ".ics", ".dv", ".zvi"),
    *(".svs", ".ndpi", ".scn", ".mrxs", ".flex", ".stk"),
)
"""Kinds of images that are not read: lossy ones, and the files of microscopes and scanners."""


@dataclass(frozen=True)
class FileToCount:
    """One file that is an image.

    Parameters
    ----------
    name
        Base name.
    path
        Where it is.
    pixel_size_um
        Edge of a pixel in micrometres, where a list says so.
    """

    name: str
    path: Path
    pixel_size_um: float | None = None


@dataclass(frozen=True)
class ImagesToCount:
    """What is counted, and what is not.

    Parameters
    ----------
    files
        Every image, those of kinds that cannot be read included.
    folder
        Where the images lie; None for a single file.
    others
        Files of the folder that are no images.
    folders
        Sub-folders, which are not entered.
    """

    files: tuple[FileToCount, ...]
    folder: Path | None = None
    others: int = 0
    folders: int = 0

    def left_out(self) -> str:
        """Say in one line what of the folder was not looked at; empty where that is nothing."""
        parts = []
        if self.others:
            parts.append(f"{self.others} file(s) that are no images")
        if self.folders:
            parts.append(f"{self.folders} sub-folder(s), which are not entered")
        return f"Left out of {self.folder}: {'; '.join(parts)}." if parts else ""


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

    Raises
    ------
    InputError
        There is nothing at this path, or no image in the folder.
    """
    if place.is_file() or (place.is_dir() and place.suffix.lower() == ZARR_SUFFIX):
        return ImagesToCount((FileToCount(place.name, place),))
    if not place.is_dir():
        raise InputError(
            f"There is nothing to count at {place}.",
            expected="an image or a folder of images",
            found="no such file or folder",
            remedy="check the path",
        )
    if has_list(place):
        return ImagesToCount(tuple(_listed(place)), place)
    folder = place / "images" if (place / "images").is_dir() else place
    files = list_images(folder, (*IMAGE_SUFFIXES, ZARR_SUFFIX, *FOREIGN_SUFFIXES))
    rest = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    folders = [entry for entry in rest if entry.is_dir() and entry not in files]
    others = len(rest) - len(files) - len(folders)
    if not files:
        raise InputError(
            f"The folder {folder} holds no image that can be counted.",
            expected="PNG, TIFF or OME-Zarr images in the folder itself, or in images/",
            found=f"{others} other file(s) and {len(folders)} sub-folder(s)",
            remedy="check the path; give a sub-folder by itself, as none is entered",
        )
    found = tuple(FileToCount(file.name, file) for file in files)
    return ImagesToCount(found, folder, others, len(folders))


def images_of_places(
    places: Sequence[Path],
) -> tuple[tuple[FileToCount, ...], tuple[ImagesToCount, ...]]:
    r"""Find the images of several places, each image once, under names that tell them apart.

    Parameters
    ----------
    places
        Files and folders, each as in `images_to_count`.

    Returns
    -------
    tuple
        The files in the order of the places, and what each place offers. A base name that occurs
        in several folders is preceded by as many of the folders above it as tell the images apart,
        as ``day1/a.tif`` and ``day2/a.tif``. Bytes of a name that are not UTF-8 are written as
        ``\xe9``, since a table is UTF-8.

    Raises
    ------
    InputError
        As `images_to_count`.
    """
    found = tuple(images_to_count(place) for place in places)
    files: dict[Path, FileToCount] = {}
    for file in (file for each in found for file in each.files):
        files.setdefault(file.path.parent.resolve() / file.path.name, file)
    alike: dict[str, list[Path]] = {}
    for place, file in files.items():
        alike.setdefault(file.name, []).append(place.parent)
    folders = {name: _told_apart(above) for name, above in alike.items()}
    named = (
        replace(file, name=_in_utf8("/".join((*folders[file.name][place.parent], file.name))))
        for place, file in files.items()
    )
    return tuple(named), found


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
    path
        A PNG or TIFF file, or an OME-Zarr folder.
    channel, z
        As in `adaptoscope.images.files.read_image`.
    max_pixels
        Most pixels of an image that has to be read whole.
    in_parts
        Whether the counter can count an image that stays on disk.

    Raises
    ------
    InputError
        If the image cannot be read, or is too large to be read whole and has to be.
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

    Raises
    ------
    InputError
        If its suffix is one of `FOREIGN_SUFFIXES`.
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
