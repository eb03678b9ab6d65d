"""IDCIA as its authors publish it, brought into a counted-image folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.foreign import idcia_culture
from adaptoscope.datasets.label_checks import check_places
from adaptoscope.datasets.point_tables import IMAGEJ_PIXEL_CENTRE
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import read_table
from adaptoscope.imageio.files import read_image
from adaptoscope.imageio.readers import file_suffixes
from adaptoscope.images.cell_centres import Points

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

    `channel` is the stain: images with it between underscores in their name, or in a folder called
    so. `image_channel` is the colour channel to take of colour images. Groups are cultures, splits
    are empty.
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


def imagej_points(path: Path) -> Points:
    """Read cell centres from ImageJ's table of results, shape (N, 2), (row, column) in pixels.

    Its columns X and Y have the centre of the top-left pixel at (0.5, 0.5); here it is at (0, 0).
    """
    table = read_table(path)
    table.require("X", "Y")
    x, y = table.numbers("X"), table.numbers("Y")
    missing = np.isnan(x) | np.isnan(y)
    if missing.any():
        raise InputError(
            f"The table {path} has a row without X or Y.",
            expected="two coordinates in every row",
            found=",".join(table.lines[int(missing.argmax())]),
            remedy="export the table again from ImageJ with centroids measured",
        )
    return np.column_stack([y, x]) - IMAGEJ_PIXEL_CENTRE


def release_files(source: Path, channel: str) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return the images and the annotation files of one stain of IDCIA, by name without suffix."""
    return _by_stem(source, file_suffixes(), channel), _by_stem(source, (".csv",), channel)


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
