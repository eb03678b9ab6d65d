"""Folders of images whose cells are counted: the contract between all stages of counting.

A folder holds ``images/``, ``points.csv`` with the cell centres, optional ``masks/``, and
``metadata.csv`` with one row per image (`adaptoscope.datasets.records.ImageRecord`). Folders
without ``metadata.csv`` are read by the rules of `adaptoscope.datasets.foreign`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.listing import home_of, read_listing
from adaptoscope.datasets.record_set import RecordSet
from adaptoscope.datasets.records import ImageRecord
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import (
    MicroscopyImage,
    read_header,
    read_image,
    read_mask,
)
from adaptoscope.imageio.pixel_size import with_pixel_size
from adaptoscope.imageio.readers import file_suffixes
from adaptoscope.images.cell_centres import Points, check_points, no_points

__all__ = ["CountedImageSet", "ImageRecord", "open_counted_images"]

_CHECK_PATH = "check the path"


@dataclass(frozen=True)
class CountedImageSet(RecordSet[ImageRecord]):
    """Images with what is known of their cells; pixels are read when asked for.

    Parameters
    ----------
    folder
        The folder that was opened.
    records
        One record per image, in the order of the list.
    channel, z
        Choice of channel and focal plane for every image, as in `read_image`.
    """

    channel: int | None = None
    z: int | Literal["max"] | None = None
    _files: Mapping[str, Path] = field(default_factory=dict, repr=False)
    _centres: Mapping[str, Points] = field(default_factory=dict, repr=False)

    def split(self, name: str) -> CountedImageSet:
        """Return the set of one split, ``train``, ``val``, ``test`` or another: one image at least.

        Raises
        ------
        InputError
            If no image is in this split; the message names those that there are.
        """
        records = self.images_of(name)
        if not records:
            splits = sorted({record.split for record in self.records if record.split})
            raise InputError(
                f"No image of {self.folder} is in the split {name}.",
                expected="one of " + ", ".join(splits) if splits else "a column split",
                found=name,
                remedy="choose another split, or name the splits in metadata.csv or split.csv",
            )
        return self.with_records(records)

    def training_part(self) -> CountedImageSet:
        """Return the split ``train``, or the whole set where no image is in a split."""
        return self.split("train") if any(record.split for record in self.records) else self

    def labelled(self) -> CountedImageSet:
        """Return the images whose cell centres are known; there may be none."""
        return self.with_records(record for record in self.records if record.labelled)

    def with_swapped_axes(self) -> CountedImageSet:
        """Return the same set with row and column of every cell centre exchanged."""
        swapped = {name: points[:, ::-1] for name, points in self._centres.items()}
        return dataclasses.replace(self, _centres=swapped)

    def only(self, record: ImageRecord) -> CountedImageSet:
        """Return a set of one image, small enough to send to a worker process."""
        points = {record.file_name: self.points(record)} if record.labelled else {}
        files = {record.file_name: self.path(record)}
        return dataclasses.replace(self, records=(record,), _files=files, _centres=points)

    def path(self, record: ImageRecord) -> Path:
        """Return the file in which an image of this set is stored."""
        return self._files[record.file_name]

    def read(self, record: ImageRecord) -> MicroscopyImage:
        """Read the pixels of an image of this set.

        Returns
        -------
        MicroscopyImage
            With the pixel size of the record, where it has one.

        Raises
        ------
        InputError
            If the file cannot be read, or has another size than the record says.
        """
        image = read_image(self.path(record), channel=self.channel, z=self.z)
        listed = (record.height or image.shape[0], record.width or image.shape[1])
        if image.shape != listed:
            raise InputError(
                f"The image {self.path(record)} is not of the size that its list says.",
                expected=f"{listed[0]} x {listed[1]} pixels (height x width)",
                found=f"{image.shape[0]} x {image.shape[1]} pixels",
                remedy="restore the image or correct the list",
            )
        if record.pixel_size_um is None:
            return image
        return with_pixel_size(image, record.pixel_size_um, "the list of images")

    def size(self, record: ImageRecord) -> tuple[int, int]:
        """Return height and width in pixels, from the record, else from the file's header."""
        if record.height is not None and record.width is not None:
            return record.height, record.width
        header = read_header(self.path(record))
        return header.height, header.width

    def points(self, record: ImageRecord) -> Points:
        """Return the cell centres of an image.

        Returns
        -------
        numpy.ndarray
            Shape (N, 2), float64, (row, column) in pixels.

        Raises
        ------
        InputError
            If the image is unlabelled or a centre lies outside it.
        """
        if not record.labelled:
            raise InputError(
                f"The cells of {record.file_name} in {self.folder} are not marked.",
                expected="an image whose cell centres are in points.csv",
                found="an unlabelled image",
                remedy="add points.csv (image,x,y), or use only labelled images",
            )
        return check_points(self.marks(record), self.size(record), name=record.file_name)

    def marks(self, record: ImageRecord) -> Points:
        """Return the points of an image as its table has them, which may lie outside."""
        return self._centres.get(record.file_name, no_points())

    def mask(self, record: ImageRecord) -> NDArray[np.uint16] | None:
        """Read the label image of an image.

        Returns
        -------
        numpy.ndarray or None
            Shape (H, W), uint16, 0 for background; None where there is no mask.

        Raises
        ------
        InputError
            If the mask cannot be read or has another size than the image.
        """
        folder = home_of(self.folder, self.path(record)) / "masks"
        files = (folder / (record.stem + suffix) for suffix in file_suffixes())
        found = [file for file in files if file.is_file()]
        if not found:
            return None
        labels = read_mask(found[0])
        if labels.shape != self.size(record):
            raise InputError(
                f"The mask {found[0]} does not fit its image.",
                expected=f"shape {self.size(record)}",
                found=f"shape {labels.shape}",
                remedy="restore the mask or remove it",
            )
        return labels

    def counts(self) -> NDArray[np.float64]:
        """Return the number of cells of every image, NaN where nobody has counted."""
        counts = [np.nan if record.count is None else record.count for record in self.records]
        return np.array(counts, dtype=np.float64)

    def hashes(self, split: str | None = None) -> dict[str, str]:
        """Return the hash of every image's pixels, or of those of one split.

        Returns
        -------
        dict
            From file name to SHA-256: `source_sha256` of the record where it is given, else that
            of the decoded pixels, for which the image is read.
        """
        records = self.images_of(split)
        return {item.file_name: item.source_sha256 or self.read(item).sha256 for item in records}


def open_counted_images(
    folder: Path,
    *,
    root: Path | None = None,
    include_rejected: bool = False,
    channel: int | None = None,
    z: int | Literal["max"] | None = None,
) -> CountedImageSet:
    """Open a folder of images; no image is decoded.

    Parameters
    ----------
    folder
        A folder with ``metadata.csv``, with a foreign list, or with images only.
    root
        Further folder in which listed files may lie. Cell centres and masks of an image that
        lies in ``OTHER/images`` are then those of ``OTHER``, unless `folder` has its own.
    include_rejected
        Include images that screening rejected (``kept`` is false).
    channel, z
        Choice of channel and focal plane for every image, as in `read_image`.

    Returns
    -------
    CountedImageSet
        At least one image. An image that is listed in a set with ``points.csv`` but has no row
        there has no cells; without a list, or without ``points.csv``, it is unlabelled.

    Raises
    ------
    InputError
        If there is no image, a listed file is missing or lies elsewhere, a table cannot be
        understood, or ``count`` contradicts ``points.csv``.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"There is no folder {folder}.",
            expected="a folder of images",
            found="a file" if folder.exists() else "nothing",
            remedy=_CHECK_PATH,
        )
    listing = read_listing(folder, root)
    shown = [each for each in listing.records if include_rejected or each.kept is not False]
    if not shown:
        number = len(listing.records)
        raise InputError(
            f"The folder {folder} holds no image that can be used.",
            expected="PNG or TIFF images in images/ or in the folder itself",
            found=f"{number} images, all of them rejected" if number else "none",
            remedy="screen with looser settings, or make more images" if number else _CHECK_PATH,
        )
    return CountedImageSet(folder, tuple(shown), channel, z, listing.files, listing.centres)
