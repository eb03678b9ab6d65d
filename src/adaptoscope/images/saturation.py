"""How much of an image the camera or its export cut off, at the dark and at the bright end."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.planes import check_plane

# A camera at its limit piles up pixels at one level: at least ten, four times the level before.
_LEAST_PIXELS = 10
_SPIKE = 4.0
_BELOW = 0.02
_FULL = 1 - 1e-6


@dataclass(frozen=True)
class ClippedShares:
    """Shares of the pixels that lie at an end of the range, 0 to 1.

    Attributes
    ----------
    dark
        Pixels at 0.
    bright
        Pixels at the largest intensity, where it is the end of the stored range, or where far more
        pixels share it than the intensities just below: a camera of fewer bits than its file, or
        an image that was cut off and then dimmed.
    """

    dark: float
    bright: float


def clipped_shares(pixels: NDArray[np.floating]) -> ClippedShares:
    """Measure which shares of an image in [0, 1] of the stored range are cut off.

    A constant image below the end of the range has no bright pixel that is cut off.
    """
    check_plane(pixels, "measured for saturation")
    dark = float(np.mean(pixels <= 0))
    highest, lowest = float(pixels.max()), float(pixels.min())
    at_top = int(np.count_nonzero(pixels >= highest))
    if highest >= _FULL:
        return ClippedShares(dark, float(np.mean(pixels >= _FULL)))
    if at_top < _LEAST_PIXELS or highest <= lowest:
        return ClippedShares(dark, 0.0)
    return ClippedShares(dark, at_top / pixels.size if _is_spike(pixels, at_top) else 0.0)


def _is_spike(pixels: NDArray[np.floating], at_top: int) -> bool:
    """Tell whether the top intensity is far more frequent than each one just below it."""
    highest, lowest = float(pixels.max()), float(pixels.min())
    near = pixels[(pixels < highest) & (pixels >= highest - _BELOW * (highest - lowest))]
    if not near.size:
        # Whole counts may lie farther apart; then the next one below is looked at.
        below = pixels[pixels < highest]
        near = below[below >= below.max()]
    frequent = int(np.unique(near, return_counts=True)[1].max())
    return at_top > _SPIKE * frequent
