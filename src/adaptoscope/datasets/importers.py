"""Data sets of other groups, brought into counted-image folders: what reads each layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from adaptoscope.datasets.cell200 import import_cell200
from adaptoscope.datasets.counted_images import (
    CountedImageSet,
    ImageRecord,
    open_counted_images,
)
from adaptoscope.datasets.idcia import import_idcia_release, release_files
from adaptoscope.datasets.label_checks import check_places
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError

_FOLDER_CARD = """Imported from a folder of images{swapped}. Say here where they come from and under
which licence."""
_SWAPPED = ", with x and y of every cell centre exchanged"


def import_folder(
    source: Path,
    destination: Path,
    *,
    swap_axes: bool = False,
    root: Path | None = None,
    image_channel: int | None = None,
    z: int | Literal["max"] | None = None,
    overwrite: bool = False,
    on_image: Callable[[], object] | None = None,
) -> CountedImageSet:
    """Write a folder of images that any reader accepts in the project's own form.

    It may have ``points.csv``, ``masks/`` and a list; rejected images are taken too. `swap_axes`
    exchanges x and y of every cell centre, for tables that hold them the wrong way round; `root`,
    `image_channel` and `z` are ``root``, ``channel`` and ``z`` of `open_counted_images`.
    """
    opened = open_counted_images(
        source, root=root, include_rejected=True, channel=image_channel, z=z
    )
    if swap_axes and not len(opened.labelled()):
        raise InputError(
            f"The folder {source} has no cell centres to swap.",
            expected="a folder with points.csv",
            found=f"{len(opened)} unlabelled images",
            remedy="leave out --swap-axes, or add points.csv",
        )
    read = opened.with_swapped_axes() if swap_axes else opened
    check_places(read)
    settings = {"importer": "folder", "swap_axes": swap_axes, "channel": image_channel, "z": z}
    settings |= {"images": ",".join(record.file_name for record in opened)}
    writer = CountedImageWriter(destination, settings, "Imported images", overwrite=overwrite)
    for record in read:
        if not writer.has(record.stem):
            _import_one(writer, read, record)
        if on_image is not None:
            on_image()
    return writer.finish(_FOLDER_CARD.format(swapped=_SWAPPED if swap_axes else ""))


def _import_one(writer: CountedImageWriter, read: CountedImageSet, record: ImageRecord) -> None:
    image = read.read(record)
    follows = {"file_name", "labelled", "height", "width", "bit_depth", "pixel_size_um"}
    known = {key: value for key, value in asdict(record).items() if key not in follows}
    writer.add(
        record.stem,
        image.pixels,
        bit_depth=image.scale.bit_depth,
        points=read.points(record) if record.labelled else None,
        mask=read.mask(record),
        pixel_size_um=image.pixel_size_um,
        **known,
    )


SetLayout = Literal["idcia", "folder", "cell200"]


@dataclass(frozen=True)
class Importer:
    """What reads one layout.

    Parameters
    ----------
    read
        Takes the source, the folder to write, ``overwrite``, ``on_image`` and the options.
    options
        From option of ``convert`` to argument of `read`; what is not here means nothing to it.
    files
        Files that it takes from a folder, which is read with ``root`` and ``stain``.
    """

    read: Callable[..., CountedImageSet]
    options: Mapping[str, str]
    files: Callable[[Path, Path | None, str], Iterable[Path]]


def _files_of_release(source: Path, root: Path | None, stain: str) -> Iterable[Path]:
    return (file for files in release_files(source, stain) for file in files.values())


def _files_of_folder(source: Path, root: Path | None, stain: str) -> Iterable[Path]:
    opened = open_counted_images(source, root=root, include_rejected=True)
    return (opened.path(record) for record in opened)


IMPORTERS: Mapping[SetLayout, Importer] = {
    "idcia": Importer(
        import_idcia_release,
        {"stain": "channel", "channel": "image_channel"},
        _files_of_release,
    ),
    "folder": Importer(
        import_folder,
        {"swap_axes": "swap_axes", "root": "root", "channel": "image_channel", "z": "z"},
        _files_of_folder,
    ),
    "cell200": Importer(import_cell200, {"seed": "seed", "per_class": "per_class"}, lambda *_: ()),
}
"""One importer for each layout; a further one is a function and a line here."""
