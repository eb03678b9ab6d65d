"""How large each marked cell of an image is, so that a found centre can be judged by it."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.images.blobs import measured_diameter
from adaptoscope.images.cell_centres import Points

# Usual cell diameter of paper 1's images in pixels, for images in which none can be measured.
_DIAMETER = 15.0


def diameters_of_cells(
    images: CountedImageSet, record: ImageRecord, image: MicroscopyImage, true: Points
) -> npt.NDArray[np.float64]:
    """Return the diameter of each marked cell; no counter has a say in it.

    Parameters
    ----------
    image
        Its pixels.
    true
        Shape (N, 2), its cell centres as (row, column) in pixels.

    Returns
    -------
    numpy.ndarray
        Shape (N,), in pixels: of a disc as large as the cell in the mask on which the centre
        lies, or which is nearest to it, where the set has masks; else `cell_diameter_px` of the
        record, else measured on the image, the same for all cells.
    """
    labels = images.mask(record)
    if labels is not None and labels.any():
        return _diameters_in_mask(labels, true)
    return np.full(len(true), record.cell_diameter_px or _measured_diameter(image))


def _diameters_in_mask(labels: npt.NDArray[np.uint16], true: Points) -> npt.NDArray[np.float64]:
    places = np.rint(true).astype(np.intp)
    # A centre on the last half pixel would be rounded out of the image.
    rows, columns = np.minimum(places, np.array(labels.shape) - 1).clip(0).T
    cells = labels[rows, columns]
    if (cells == 0).any():
        nearest = ndimage.distance_transform_edt(
            labels == 0, return_distances=False, return_indices=True
        )
        cells = labels[tuple(nearest[:, rows, columns])]
    areas = np.bincount(labels.ravel())[cells]
    return np.asarray(np.sqrt(4 * areas / np.pi))


def _measured_diameter(image: MicroscopyImage) -> float:
    return measured_diameter(image.pixels) or _DIAMETER
