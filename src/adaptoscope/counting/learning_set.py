"""What is known of the images that a counter learns from, or is fitted to."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.images.blobs import measured_diameter


def refuse_kept_back(images: CountedImageSet, real: CountedImageSet) -> None:
    """Refuse to train on the validation and test images of the real set, under any name.

    Parameters
    ----------
    images
        What is about to be trained on; the sources named in its records count too.
    """
    refuse_held_out_images(images, [real], "train the counter")


def usual_diameter(
    images: CountedImageSet, pixels: Sequence[npt.NDArray[np.float32]], most: int = 20
) -> float | None:
    """Return the median cell diameter in pixels: as recorded, else measured on some images.

    Parameters
    ----------
    pixels
        Its images, shape (H, W) each, for the case that nothing is recorded.

    Returns
    -------
    float or None
        None where no image shows cells.
    """
    known = [record.cell_diameter_px for record in images if record.cell_diameter_px]
    if not known:
        measured = map(measured_diameter, pixels[:: max(1, len(pixels) // most)])
        known = [diameter for diameter in measured if diameter is not None]
    return float(np.median(known)) if known else None
