"""The usual cell diameter of an image, or the plain answer that it shows none."""

import warnings

import numpy as np
import numpy.typing as npt

from adaptoscope.images.blobs import estimate_diameter


def measured_diameter(pixels: npt.NDArray[np.float32]) -> float | None:
    """Measure the usual cell diameter of an image.

    Parameters
    ----------
    pixels
        Shape (H, W), in [0, 1] of the stored range.

    Returns
    -------
    float or None
        In pixels; None where the image shows no cells.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        diameter = estimate_diameter(pixels)
    return float(diameter) if np.isfinite(diameter) else None
