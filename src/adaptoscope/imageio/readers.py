"""Every kind of image that is read, in one table: how it is known, and what reads it.

A new kind has a file of its own with the functions below, and a line in `READERS`. Nothing is
imported before an image of its kind is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from adaptoscope.errors import InputError
from adaptoscope.imageio.stored_parts import StoredParts
from adaptoscope.imageio.stored_planes import PNG_SIGNATURE, ImageHeader, StoredPlanes

Plane = int | Literal["max"] | None


@dataclass(frozen=True)
class Reader:
    """What reads one kind of image; each function as ``module:name``, or itself.

    Parameters
    ----------
    starts
        How its files begin, one of these; none where an image is a folder.
    inside
        Names of files one of which such a folder holds, whatever it is called.
    header
        Takes a path, returns an `ImageHeader` without decoding pixels.
    planes
        Takes a path, ``max_pixels`` and ``labels``, returns `StoredPlanes`: the whole image.
    parts
        Takes a path, ``channel`` and ``z``, returns `StoredParts`: a plane that stays on disk, or
        None where this file can only be read whole. None: no file of this kind can stay there.
    """

    name: str
    suffixes: tuple[str, ...]
    starts: tuple[bytes, ...] = ()
    inside: tuple[str, ...] = ()
    header: str | Callable[[Path], ImageHeader] = ""
    planes: str | Callable[..., StoredPlanes] = ""
    parts: str | Callable[..., StoredParts | None] | None = None

    def read_header(self, path: Path) -> ImageHeader:
        """Read size, bit depth and number of channels."""
        found: ImageHeader = _function(self.header)(path)
        return found

    def read_planes(self, path: Path, *, max_pixels: int | None, labels: bool) -> StoredPlanes:
        """Read all planes."""
        found: StoredPlanes = _function(self.planes)(path, max_pixels=max_pixels, labels=labels)
        return found

    def open_parts(self, path: Path, *, channel: int | None, z: Plane) -> StoredParts | None:
        """Open a plane that stays on disk, to be closed."""
        if self.parts is None:
            return None
        found: StoredParts | None = _function(self.parts)(path, channel=channel, z=z)
        return found


READERS: list[Reader] = [
    Reader(
        "PNG",
        (".png",),
        (PNG_SIGNATURE,),
        header="adaptoscope.imageio.png_files:read_png_header",
        planes="adaptoscope.imageio.png_files:read_png",
    ),
    Reader(
        "TIFF",
        (".tif", ".tiff"),
        (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
        header="adaptoscope.imageio.tiff_files:read_tiff_header",
        planes="adaptoscope.imageio.tiff_files:read_tiff",
        parts="adaptoscope.imageio.tiff_parts:open_tiff_parts",
    ),
    Reader(
        "OME-Zarr",
        (".zarr",),
        inside=(".zgroup", ".zattrs", "zarr.json", ".zarray"),
        parts="adaptoscope.imageio.zarr_files:open_zarr_parts",
    ),
]
"""Every kind, the likeliest first."""

FOREIGN_SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".jp2", ".gif", ".webp", ".bmp", ".heic", ".avif"),
    *(".nd2", ".czi", ".lif", ".lsm", ".oib", ".oif", ".oir", ".vsi", ".ims", ".ics", ".dv"),
    *(".zvi", ".svs", ".ndpi", ".scn", ".mrxs", ".flex", ".stk", ".qptiff"),
)
"""Kinds of images that are not read: lossy ones, and the files of microscopes and scanners."""


def file_suffixes() -> tuple[str, ...]:
    """Return the ends of names of all kinds that are files."""
    return tuple(suffix for each in READERS if each.starts for suffix in each.suffixes)


def all_suffixes() -> tuple[str, ...]:
    """Return the ends of names of all kinds, folders among them."""
    return tuple(suffix for each in READERS for suffix in each.suffixes)


def is_image_folder(path: Path) -> bool:
    """Tell whether a folder is an image, by its name or by what lies in it."""
    return path.is_dir() and any(_holds(path, each) for each in READERS)


def _holds(folder: Path, reader: Reader) -> bool:
    if reader.starts:
        return False
    named = folder.suffix.lower() in reader.suffixes
    return named or any((folder / name).is_file() for name in reader.inside)


def reader_of(path: Path) -> Reader:
    """Tell by how a file begins what reads it; of a folder, by its name or by what lies in it."""
    if path.is_dir():
        folders = [each for each in READERS if _holds(path, each)]
        if folders:
            return folders[0]
    start = _start_of(path)
    for reader in READERS:
        if any(start.startswith(begin) for begin in reader.starts):
            return reader
    names = " or ".join(each.name for each in READERS if each.starts)
    raise InputError(
        f"The file {path} is not an image that can be read.",
        expected=f"{names}, lossless",
        found="an empty file" if not start else f"a file that begins with {start!r}",
        remedy="export it as TIFF from the microscope's software",
    )


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8)
    except OSError as error:
        raise InputError(
            f"The image {path} cannot be opened.",
            expected="a readable file",
            found=error.strerror or type(error).__name__,
            remedy="check the path and that you may read the file",
        ) from error


def _function(home: Any) -> Any:
    if not isinstance(home, str):
        return home
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)
