"""Cells in the regions of an image: a label image beside it says which pixel is in which."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_mask
from adaptoscope.imageio.large_images import stored_parts
from adaptoscope.imageio.readers import all_suffixes
from adaptoscope.imageio.stored_parts import StoredParts
from adaptoscope.images.cell_centres import Points

# Pixels read at once, to bound memory.
_BAND = 4_000_000


@dataclass(frozen=True)
class RegionCount:
    """One region.

    Parameters
    ----------
    count
        Cells whose centre lies on one of its pixels.
    pixels
        Its area in pixels.
    """

    label: int
    count: int
    pixels: int


class Labels(Protocol):
    """Labels of shape (H, W) of which some rows can be had: an array, or a file read in parts."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.integer]:
        """Return some rows, all columns."""
        ...


def count_in_regions(labels: Labels, points: Points) -> list[RegionCount]:
    """Count the cells of every region.

    Parameters
    ----------
    labels
        Shape (H, W), integers; 0 belongs to no region, every other value is one.
    points
        Cell centres inside the image, shape (N, 2), (row, column) in pixels. A centre belongs to
        the region of the pixel under it, so that regions that share a border never share a cell.

    Returns
    -------
    list of RegionCount
        By label; regions without a cell are in it.
    """
    height, width = labels.shape
    places = np.clip(np.floor(points + 0.5).astype(np.int64), 0, (height - 1, width - 1))
    areas = cells = np.zeros(1, dtype=np.int64)
    step = max(1, _BAND // width)
    for top in range(0, height, step):
        band = labels[top : top + step]
        areas = _added(areas, np.bincount(band.ravel()))
        rows, columns = places[(places[:, 0] >= top) & (places[:, 0] < top + step)].T
        cells = _added(cells, np.bincount(band[rows - top, columns]))
    cells = _added(cells, np.zeros_like(areas))
    present = np.flatnonzero(areas)
    return [
        RegionCount(int(label), int(cells[label]), int(areas[label])) for label in present if label
    ]


def count_regions(
    folder: Path, image: str, shape: tuple[int, int], points: Points, *, in_parts: bool = False
) -> list[RegionCount]:
    """Count the cells in the regions that the label image of an image shows.

    Parameters
    ----------
    folder
        Where the label images lie.
    image
        Name of the image; that of its label image may differ in the suffix.
    shape
        Height and width of the image in pixels.
    points
        Cell centres, as in `count_in_regions`.
    in_parts
        Read the label image in parts, as that of an image that is too large to be held in memory.

    Returns
    -------
    list of RegionCount
        At least one.
    """
    place = _label_image(folder, image)
    with _opened(place, in_parts=in_parts) as labels:
        found = count_in_regions(labels, points) if labels.shape == shape else []
        if not found:
            same = labels.shape == shape
            raise InputError(
                f"The label image {place.name} does not divide its image into regions.",
                expected=f"shape {shape}, with a number above 0 for each region",
                found=f"shape {labels.shape}" + (", all of it 0" if same else ""),
                remedy="draw the regions on the image itself, without cropping or scaling it",
            )
    return found


def _added(sums: NDArray[np.int64], more: NDArray[np.integer]) -> NDArray[np.int64]:
    total = np.zeros(max(len(sums), len(more)), dtype=np.int64)
    total[: len(sums)] += sums
    total[: len(more)] += more
    return total


def label_images(folder: Path, image: str) -> list[Path]:
    """Return the files that may be the label image of an image; one, if all is well.

    Parameters
    ----------
    folder
        Where the label images lie.
    image
        Name of the image; with folders before it, its label image lies in folders of these names.
    """
    stem = str(PurePosixPath(image).with_suffix(""))
    files = [folder / (stem + suffix) for suffix in all_suffixes()]
    return [file for file in files if file.is_file() or file.is_dir()]


def _label_image(folder: Path, image: str) -> Path:
    found = label_images(folder, image)
    if len(found) != 1:
        stem = str(PurePosixPath(image).with_suffix(""))
        raise InputError(
            f"The regions of {image} are not clear.",
            expected=f"one label image {stem}.png or {stem}.tif in {folder}",
            found=" and ".join(file.name for file in found) or "none",
            remedy="remove one of them" if found else "add it, or count without --regions",
        )
    return found[0]


@contextmanager
def _opened(place: Path, *, in_parts: bool) -> Iterator[Labels]:
    if not in_parts and place.is_file():
        yield read_mask(place)
        return
    parts = stored_parts(place)
    if parts is None:
        raise InputError(
            f"The label image {place.name} cannot be read in parts, as its image is.",
            expected="a tiled TIFF or OME-Zarr",
            found="a file that can be read whole only",
            remedy="save it as a tiled TIFF of 8 or 16 bits: `vips tiffsave IN OUT.tif --tile`",
        )
    try:
        if parts.dtype.kind != "u":
            raise InputError(
                f"The label image {place.name} does not hold labels.",
                expected="8- or 16-bit integers, 0 for no region and one number per region",
                found=str(parts.dtype),
                remedy="save the label image as 16-bit integers",
            )
        yield _LabelsOnDisk(parts)
    finally:
        parts.close()


@dataclass(frozen=True)
class _LabelsOnDisk:
    parts: StoredParts

    @property
    def shape(self) -> tuple[int, ...]:
        return self.parts.shape

    def __getitem__(self, rows: slice) -> NDArray[np.uint16]:
        return self.parts.read(rows, slice(None)).astype(np.uint16)
