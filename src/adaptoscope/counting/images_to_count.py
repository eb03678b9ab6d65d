"""Which files a folder offers for counting, and what is said of the others."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adaptoscope.counting.absent import refuse_absent
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.foreign import has_list
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage, list_images, read_image
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
