"""Releases of other groups, brought into the form of a counted-image folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.foreign import idcia_culture
from adaptoscope.datasets.tables import parse_float, read_table
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points, as_points
from adaptoscope.images.files import IMAGE_SUFFIXES, read_image

_CARD = """Imported from a copy of IDCIA (Immunocytochemistry Dataset for Cellular Image Analysis):
rat hippocampal progenitor cells, 20x fluorescence, channel {channel}.

Cite: A. Ali Mohammed, C. Fonder, D. Sakaguchi, W. Tavanapong, S. K. Mallapragada, A. Idris, MMSys
2023, doi 10.1145/3587819.3592558. Licence: see the publishers' data page before you pass it on.

The annotations are ImageJ's, in which pixel centres lie at .5; 0.5 was subtracted. They are taken
over unchecked: the release has images whose dots belong to another image or are missing. Live and
dead cells are not told apart. Images without an annotation file are listed as unlabelled."""


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
        understood, or a cell lies outside its image.
    """
    source = Path(source)
    images = _by_stem(source, IMAGE_SUFFIXES, channel)
    tables = _by_stem(source, (".csv",), channel)
    _refuse_unmatched(source, channel, images, tables)
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
            points=imagej_points(tables[stem]) if stem in tables else None,
            pixel_size_um=image.pixel_size_um,
            channel=channel,
            domain="idcia",
            synthetic=False,
            group=idcia_culture(stem),
        )
        if on_image is not None:
            on_image()
    return writer.finish(_CARD.format(channel=channel))


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
