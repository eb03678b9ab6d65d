"""Find the cells again in one stylised image, and say whether it kept them.

The same detector looks at the drawing first: what it misses there is not held against the style.
"""

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import ImageRecord
from adaptoscope.images.blobs import (
    automatic_threshold,
    difference_of_gaussians_peaks,
    estimate_diameter,
    sigma_of_diameter,
)
from adaptoscope.images.cell_centres import Points
from adaptoscope.metrics.point_matching import PointMatch, match_points
from adaptoscope.style_transfer.screening.failure_kinds import (
    FailureMeasures,
    emptiest_neighbourhood,
    measure_failures,
    region_of_cells,
)
from adaptoscope.style_transfer.settings import ScreeningSettings


@dataclass(frozen=True, eq=False)
class Screened:
    """What screening found in one image.

    `record` is its row with the verdict; `stylised` and `drawing` match the detected cells with
    the drawn ones; `points`, shape (N, 2), are those drawn, moved to where they were found if that
    is asked for.
    """

    record: ImageRecord
    stylised: PointMatch
    drawing: PointMatch
    points: Points


def screen_image(
    record: ImageRecord,
    pixels: NDArray[np.float32],
    drawing: NDArray[np.float32],
    points: Points,
    mask: NDArray[np.uint16] | None,
    settings: ScreeningSettings,
) -> Screened:
    """Judge one stylised image, shape (H, W), beside its drawing.

    Points are the drawn centres, shape (N, 2), (row, column). Without an instance mask of the
    drawing discs around them stand for it.
    """
    diameter = record.cell_diameter_px or estimate_diameter(drawing)
    radius = settings.radius_in_diameters * diameter
    cells = detect(pixels, diameter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = match_points(cells, points, radius)
        ceiling = match_points(detect(drawing, diameter), points, radius)
    failures = measure_failures(pixels, region_of_cells(pixels, points, diameter, mask), diameter)
    emptiest = _emptiest_neighbourhood(found, ceiling, points)
    reasons = list(_reasons(found, ceiling, len(points), failures, emptiest, settings))
    judged = replace(
        record,
        kept=not reasons,
        reject_reason=reasons[0] if reasons else None,
        precision=known_share(found.precision),
        recall=known_share(found.recall),
        f1=known_share(found.f1),
        invented=found.false_positives,
        lost=found.false_negatives,
        merged=found.merges,
    )
    moved = points.copy()
    if settings.correct_points:
        moved[found.pairs[:, 1]] = cells[found.pairs[:, 0]]
    return Screened(judged, found, ceiling, moved)


def detect(pixels: NDArray[np.float32], diameter: float) -> Points:
    """Find cells of a known diameter (pixels) without any label; shape (N, 2), (row, column)."""
    sigma = sigma_of_diameter(diameter)
    return difference_of_gaussians_peaks(pixels, sigma, automatic_threshold(pixels, sigma))


def _reasons(
    found: PointMatch,
    ceiling: PointMatch,
    drawn: int,
    failures: FailureMeasures,
    emptiest: float,
    settings: ScreeningSettings,
) -> Iterable[str]:
    """Yield why an image is not kept, the gravest reason first; what is NaN is no reason."""
    cells = max(1, drawn)
    # Spots that are no cells spoil F1 in a sparse field, yet say nothing of what is missed.
    if drawn and not max(ceiling.f1, ceiling.recall) >= settings.minimum_drawing_f1:
        yield "unjudgeable"
    if failures.contrast < settings.minimum_contrast:
        yield "faint"
    if failures.background > settings.maximum_background:
        yield "background"
    if failures.artefacts > settings.maximum_artefacts:
        yield "artefacts"
    if (
        failures.uneven_noise > settings.maximum_uneven_noise
        or failures.uneven_level > settings.maximum_uneven_level
        or emptiest < settings.minimum_found_nearby
    ):
        yield "incomplete"
    if (found.false_positives - ceiling.false_positives) / cells > settings.maximum_invented:
        yield "invented"
    if (found.false_negatives - ceiling.false_negatives) / cells > settings.maximum_lost:
        yield "lost"
    if drawn and found.f1 < settings.minimum_relative_f1 * ceiling.f1:
        yield "low_f1"


def _emptiest_neighbourhood(found: PointMatch, ceiling: PointMatch, points: Points) -> float:
    """Return the smallest share found in any neighbourhood, of the cells that the drawing shows."""
    shown, seen = (np.zeros(len(points), dtype=bool) for _ in range(2))
    shown[ceiling.pairs[:, 1]] = True
    seen[found.pairs[:, 1]] = True
    return emptiest_neighbourhood(points[shown], seen[shown])


def known_share(share: float) -> float | None:
    """Return a share as tables hold it: None where it is NaN."""
    return None if math.isnan(share) else share
