"""A longer exposure, and what the camera cuts off: x' = min(1, p / 100 * x) (paper 2, 4.3)."""

import numpy as np
from numpy.typing import NDArray

from adaptoscope.imageio.microscopy_image import MicroscopyImage

FloatImage = NDArray[np.float32]


def expose(light: FloatImage, percent: float) -> FloatImage:
    """Expose linear light for longer, or below 100 per cent for shorter; nothing is cut off yet."""
    return light * np.float32(percent / 100)


def saturate(light: FloatImage) -> FloatImage:
    """Cut off what is brighter than white, as a full camera does."""
    return np.minimum(light, np.float32(1))


def saturated_share(image: MicroscopyImage, white: float) -> float:
    """Return the share of pixels at or above the white level, a share of the stored range."""
    return float(np.mean(image.stored >= image.scale.to_stored(np.array(white))))
