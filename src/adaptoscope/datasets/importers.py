"""Releases of other groups, brought into the form of a counted-image folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from adaptoscope.datasets.counted_images import (
    CountedImageSet,
    ImageRecord,
    open_counted_images,
)
from adaptoscope.datasets.foreign import idcia_culture
from adaptoscope.datasets.label_checks import check_places
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import parse_float, read_table
from adaptoscope.imageio.files import IMAGE_SUFFIXES, read_image
from adaptoscope.images.cell_centres import Points, as_points

_CARD = """Imported from a copy of IDCIA (Immunocytochemistry Dataset for Cellular Image Analysis):
rat hippocampal progenitor cells, 20x fluorescence, channel {channel}.

Cite: A. Ali Mohammed, C. Fonder, D. Sakaguchi, W. Tavanapong, S. K. Mallapragada, A. Idris, MMSys
2023, doi 10.1145/3587819.3592558. Licence: see the publishers' data page before you pass it on.

The annotations are ImageJ's, in which pixel centres lie at .5; 0.5 was subtracted. They are taken
over unchecked: the release has images whose dots belong to another image or are missing. Live and
dead cells are not told apart. Images without an annotation file are listed as unlabelled."""

_FOLDER_CARD = """Imported from a folder of images{swapped}. Say here where they come from and under
which licence."""
_SWAPPED = ", with x and y of every cell centre exchanged"


def import_idcia_release(
    source: Path,
    destination: Path,
    channel: str = "DAPI",
    *,
    image_channel: int | None = None,
    overwrite: bool = False,
    on_image: Callable[[], object] | None = None,
) -> CountedImageSet:
    """Convert a release of IDCIA as its authors publish it.

    Images and annotation files may lie in any folders below `source`; they belong together where
    they have the same name but for the suffix. An annotation file is ImageJ's table of results,
    with the columns X and Y in pixels.

    Parameters
    ----------
    source
        Folder of the release, as ``IDCIA_data``.
    destination
        Folder to write.
    channel
        Stain to convert: images with it between underscores in their name, or in a folder called
        so.
    image_channel
        Colour channel to take where the images are colour images.
    overwrite
        Begin the destination anew.
    on_image
        Called after each image that was imported, to show progress.

    Returns
    -------
    CountedImageSet
        The new folder; groups are cultures, splits are empty.

    Raises
    ------
    InputError
        If there is no image of this channel, an annotation file belongs to no image or cannot be
        understood, or the cells are not what `check_places` accepts.
    """
    source = Path(source)
    images, tables = release_files(source, channel)
    _refuse_unmatched(source, channel, images, tables)
    centres = {stem: imagej_points(table) for stem, table in tables.items()}
    check_places(_as_set(source, images, centres, image_channel))
    settings = {"importer": "idcia", "channel": channel, "image_channel": image_channel}
    settings |= {"images": ",".join(images)}
    writer = CountedImageWriter(destination, settings, f"IDCIA, {channel}", overwrite=overwrite)
    for stem, file in images.items():
        if writer.has(stem):
            continue
        image = read_image(file, channel=image_channel)
        writer.add(
            stem,
            image.pixels,
            bit_depth=image.scale.bit_depth,
            points=centres.get(stem),
            pixel_size_um=image.pixel_size_um,
            channel=channel,
            domain="idcia",
            synthetic=False,
            group=idcia_culture(stem),
        )
        if on_image is not None:
            on_image()
    return writer.finish(_CARD.format(channel=channel))


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

    Parameters
    ----------
    source
        A folder with images, and ``points.csv``, ``masks/`` and a list where it has them.
    destination
        Folder to write.
    swap_axes
        Exchange x and y of every cell centre, for tables that hold them the wrong way round.
    root, image_channel, z
        As ``root``, ``channel`` and ``z`` of `open_counted_images`.
    overwrite
        Begin the destination anew.
    on_image
        Called after each image that was imported, to show progress.

    Returns
    -------
    CountedImageSet
        The new folder, rejected images included.

    Raises
    ------
    InputError
        If the folder cannot be read, has no cell centres to swap, or they are not what
        `check_places` accepts.
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


def imagej_points(path: Path) -> Points:
    """Read cell centres from ImageJ's table of results.

    Parameters
    ----------
    path
        Table with the columns X and Y in ImageJ's coordinates, where the centre of the top-left
        pixel is (0.5, 0.5).

    Returns
    -------
    numpy.ndarray
        Shape (N, 2), (row, column) in pixels; the centre of the top-left pixel is (0, 0).

    Raises
    ------
    InputError
        If a column is missing or a coordinate is not a number.
    """
    table = read_table(path)
    table.require("X", "Y")
    pairs = []
    for row in table.rows:
        x, y = parse_float(row["X"], "X", path), parse_float(row["Y"], "Y", path)
        if x is None or y is None:
            raise InputError(
                f"The table {path} has a row without X or Y.",
                expected="two coordinates in every row",
                found=",".join(row.values()),
                remedy="export the table again from ImageJ with centroids measured",
            )
        pairs.append((y - 0.5, x - 0.5))
    return as_points(pairs)


def release_files(source: Path, channel: str) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return the images and the annotation files of one stain of IDCIA, by name without suffix.

    Parameters
    ----------
    source, channel
        As in `import_idcia_release`.

    Raises
    ------
    InputError
        If two files have the same name.
    """
    return _by_stem(source, IMAGE_SUFFIXES, channel), _by_stem(source, (".csv",), channel)


def _as_set(
    source: Path, images: Mapping[str, Path], centres: Mapping[str, Points], channel: int | None
) -> CountedImageSet:
    """Return the images of a release as if they were in a counted-image folder."""
    records = tuple(
        ImageRecord(
            file.name,
            count=len(centres[stem]) if stem in centres else None,
            labelled=stem in centres,
        )
        for stem, file in images.items()
    )
    files = {file.name: file for file in images.values()}
    points = {images[stem].name: each for stem, each in centres.items()}
    return CountedImageSet(source, records, channel, None, files, points)


def _by_stem(source: Path, suffixes: tuple[str, ...], channel: str) -> dict[str, Path]:
    wanted = channel.lower()
    found: dict[str, Path] = {}
    for file in sorted(source.rglob("*")):
        folders = {part.lower() for part in file.relative_to(source).parts[:-1]}
        named = wanted in file.stem.lower().split("_") or wanted in folders
        if file.suffix.lower() not in suffixes or file.name.startswith(".") or not named:
            continue
        if file.stem in found:
            raise InputError(
                f"The release {source} holds two files for {file.stem}.",
                expected="every name once",
                found=f"{found[file.stem]} and {file}",
                remedy="remove one of them",
            )
        found[file.stem] = file
    return found


def _refuse_unmatched(
    source: Path, channel: str, images: dict[str, Path], tables: dict[str, Path]
) -> None:
    alone = sorted(set(tables) - set(images))
    if not images or alone:
        raise InputError(
            f"The folder {source} is not a complete release of IDCIA for channel {channel}.",
            expected=f"images of the channel {channel}, and annotations of these images only",
            found=f"no image for {tables[alone[0]]}" if alone else "no image",
            remedy="give the folder that holds both images and annotations, and check the channel",
        )
