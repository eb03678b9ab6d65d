"""The images of a folder of pairs that are given, as a set of images without their stains."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.paired_stains import open_paired_stains
from adaptoscope.datasets.record_set import locate_files
from adaptoscope.datasets.records import ImageRecord
from adaptoscope.errors import InputError


def open_given_images(
    folder: Path,
    *,
    root: Path | None = None,
    channel: int | None = None,
    z: int | Literal["max"] | None = None,
) -> CountedImageSet:
    """Open the given images of a folder with ``pairs.csv``, unlabelled; no image is decoded.

    Each is there once, in the order of the table; `root`, `channel` and `z` are those of
    `open_counted_images`. Two of the same base name are refused.
    """
    pairs = open_paired_stains(folder, root=root)
    splits = {record.input: record.split for record in pairs}
    records = tuple(ImageRecord(path, split=split) for path, split in splits.items())
    often = Counter(record.name for record in records)
    if twice := [name for name, number in often.items() if number > 1]:
        raise InputError(
            f"Images of {folder} cannot be told apart by their names.",
            expected="given images with base names of their own",
            found=f"several of the name {', '.join(twice)}",
            remedy="rename them, also in pairs.csv",
        )
    files = locate_files(pairs.folder, root, pairs.folder / "pairs.csv", splits)
    return CountedImageSet(pairs.folder, records, channel, z, files)
