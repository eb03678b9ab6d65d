"""Which of several attempts at a drawing to keep: that in which most drawn cells are found."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.cell_centres import Points
from adaptoscope.metrics.point_matching import match_points
from adaptoscope.style_transfer.screening.screen_image import detect
from adaptoscope.style_transfer.settings import ScreeningSettings


def best_attempt(attempts: Sequence[NDArray[np.float32]], points: Points, diameter: float) -> int:
    """Return the number of the best attempt, of equally good ones the first.

    The cells are looked for with the detector of screening, so screening is kinder to what is
    chosen here; `structure.judge_structure` looks with another.

    Parameters
    ----------
    attempts
        Stylised images of one drawing, shape (H, W) each.
    points
        Drawn centres, shape (N, 2), (row, column).
    diameter
        Of the drawn cells, in pixels.
    """
    radius = ScreeningSettings().radius_in_diameters * diameter
    scores = [_f1(pixels, points, diameter, radius) for pixels in attempts]
    return scores.index(max(scores))


def _f1(pixels: NDArray[np.float32], points: Points, diameter: float, radius: float) -> float:
    """Return the F1 of the detected cells; 1 where there is nothing to find and nothing found."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        match = match_points(detect(pixels, diameter), points, radius)
    return 1.0 if math.isnan(match.f1) else match.f1
