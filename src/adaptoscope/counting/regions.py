"""Cells in the regions of an image: a label image beside it says which pixel is in which."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.files import IMAGE_SUFFIXES, read_mask


@dataclass(frozen=True)
class RegionCount:
    """One region.

    Parameters
    ----------
    label
        Its value in the label image.
    count
        Cells whose centre lies on one of its pixels.
    pixels
        Its area in pixels.
    """

    label: int
    count: int
    pixels: int


def count_in_regions(labels: NDArray[np.integer], points: Points) -> list[RegionCount]:
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
    areas = np.bincount(labels.ravel())
    places = np.floor(points + 0.5).astype(np.int64)
    rows, columns = np.clip(places, 0, np.array(labels.shape) - 1).T
    cells = np.bincount(labels[rows, columns], minlength=len(areas))
    present = np.flatnonzero(areas)
    return [
        RegionCount(int(label), int(cells[label]), int(areas[label])) for label in present if label
    ]


def read_regions(folder: Path, image: str, shape: tuple[int, int]) -> NDArray[np.uint16]:
    """Read the label image of an image.

    Parameters
    ----------
    folder
        Where the label images lie.
    image
        Base name of the image; that of its label image may differ in the suffix.
    shape
        Height and width of the image in pixels.

    Returns
    -------
    numpy.ndarray
        Shape (H, W), uint16, with at least one region.

    Raises
    ------
    InputError
        If there is none or more than one, it cannot be read, has another size, or no region.
    """
    stem = Path(image).stem
    files = [folder / (stem + suffix) for suffix in IMAGE_SUFFIXES]
    found = [file for file in files if file.is_file()]
    if len(found) != 1:
        raise InputError(
            f"The regions of {image} are not clear.",
            expected=f"one label image {stem}.png or {stem}.tif in {folder}",
            found=" and ".join(file.name for file in found) or "none",
            remedy="remove one of them" if found else "add it, or count without --regions",
        )
    labels = read_mask(found[0])
    if labels.shape != shape or not labels.any():
        raise InputError(
            f"The label image {found[0].name} does not divide its image into regions.",
            expected=f"shape {shape}, with a number above 0 for each region",
            found=f"shape {labels.shape}" + ("" if labels.any() else ", all of it 0"),
            remedy="draw the regions on the image itself, without cropping or scaling it",
        )
    return labels
