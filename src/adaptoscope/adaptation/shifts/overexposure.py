"""A longer exposure, and what the camera then cuts off (paper 2, section 4.3)."""

import numpy as np
from numpy.typing import NDArray

from adaptoscope.imageio.microscopy_image import MicroscopyImage

FloatImage = NDArray[np.float32]


def overexposed(light: FloatImage, percent: float) -> FloatImage:
    """Expose an image for longer: x' = min(1, p / 100 * x) (paper 2, section 4.3).

    Parameters
    ----------
    light
        Linear light, any shape.
    percent
        p, above 0; below 100 the image becomes darker.

    Returns
    -------
    numpy.ndarray
        Same shape, float32, at most 1; values below 0 are not cut off.
    """
    return saturated(light * np.float32(percent / 100))


def saturated(light: FloatImage) -> FloatImage:
    """Cut off what is brighter than white, as a full camera does."""
    return np.minimum(light, np.float32(1))


def saturated_share(image: MicroscopyImage, white: float) -> float:
    """Return the share of an image's pixels that are stored at or above the white level.

    Parameters
    ----------
    white
        The white level, a share of the stored range.

    Returns
    -------
    float
        0 to 1.
    """
    return float(np.mean(image.stored >= image.scale.to_stored(np.array(white))))
