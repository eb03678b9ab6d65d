"""Find the cells again in stylised images, and keep the images that kept their cells.

The same detector looks at the drawing first: what it misses there is not held against the style.
"""

import math
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.writing import rewrite_points, rewrite_records
from adaptoscope.errors import InputError
from adaptoscope.images.blobs import (
    automatic_threshold,
    difference_of_gaussians_peaks,
    estimate_diameter,
    sigma_of_diameter,
)
from adaptoscope.images.cell_centres import Points
from adaptoscope.metrics.point_matching import PointMatch, match_points, pooled_f1
from adaptoscope.style_transfer.screening.failure_kinds import (
    FailureMeasures,
    emptiest_neighbourhood,
    measure_failures,
    region_of_cells,
)
from adaptoscope.style_transfer.settings import ScreeningSettings
from adaptoscope.training.progress import progress

_ERRORS = ("invented", "lost", "merged", "divided")


@dataclass(frozen=True, eq=False)
class Screened:
    """What screening found in one image.

    Parameters
    ----------
    record
        The image's row, with its verdict.
    stylised, drawing
        Match of the detected cells with the drawn ones, in the stylised image and in the drawing.
    points
        Cell centres, shape (N, 2): those drawn, moved to where they were found if that is asked
        for.
    """

    record: ImageRecord
    stylised: PointMatch
    drawing: PointMatch
    points: Points


@dataclass(frozen=True)
class ScreeningSummary:
    """Screening of a set.

    Parameters
    ----------
    n, kept
        Number of images, and of those kept.
    precision, recall, f1
        Over all cells of all images, kept and rejected together; None where there is none.
    f1_drawings
        The same detector's F1 on the drawings.
    f1_kept
        F1 over the kept images; None if none was kept.
    rejects
        Number of rejected images by reason.
    invented, lost, merged, divided
        Cells of all images together, as shares of those drawn; None where none was. Merged ones are
        a part of the lost, divided ones of the invented.
    """

    n: int
    kept: int
    precision: float | None
    recall: float | None
    f1: float | None
    f1_drawings: float | None
    f1_kept: float | None
    rejects: dict[str, int]
    invented: float | None
    lost: float | None
    merged: float | None
    divided: float | None

    @property
    def kept_share(self) -> float:
        """Share of the images that were kept."""
        return self.kept / self.n


def screen_set(
    stylised: CountedImageSet, drawings: CountedImageSet, settings: ScreeningSettings
) -> ScreeningSummary:
    """Judge every stylised image and write the verdicts into its ``metadata.csv``.

    Parameters
    ----------
    stylised
        Stylised images, rejected ones included; their column ``layout`` names the drawing.
    drawings
        The drawings they were made from.
    settings
        What is kept.

    Raises
    ------
    InputError
        If a drawing is missing.
    """
    by_name = {record.name: record for record in drawings}
    screened = []
    for record in progress(list(stylised), "screen"):
        if record.layout not in by_name:
            raise InputError(
                f"The drawing of {record.name} is not there.",
                expected=f"an image {record.layout or '(none named)'} in {drawings.folder}",
                found="no such image",
                remedy="name the folder of drawings that this set was stylised from",
            )
        drawing = by_name[record.layout]
        screened.append(
            screen_image(
                record,
                stylised.read(record).pixels,
                drawings.read(drawing).pixels,
                drawings.points(drawing),
                stylised.mask(record),
                settings,
            )
        )
    if settings.correct_points:
        corrected = {item.record.name: item.points for item in screened if item.record.labelled}
        rewrite_points(Path(stylised.folder), corrected)
    rewrite_records(Path(stylised.folder), [item.record for item in screened])
    return summarise(screened)


def screen_image(
    record: ImageRecord,
    pixels: NDArray[np.float32],
    drawing: NDArray[np.float32],
    points: Points,
    mask: NDArray[np.uint16] | None,
    settings: ScreeningSettings,
) -> Screened:
    """Judge one stylised image.

    Parameters
    ----------
    record
        Its row.
    pixels, drawing
        The stylised image and its drawing, shape (H, W).
    points
        Drawn cell centres, shape (N, 2), (row, column).
    mask
        Instance mask of the drawing, or none; without it discs around the centres stand for it.
    settings
        What is kept.
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
        precision=_known(found.precision),
        recall=_known(found.recall),
        f1=_known(found.f1),
        invented=found.invented,
        lost=found.lost,
        merged=found.merged,
    )
    moved = points.copy()
    if settings.correct_points:
        moved[found.pairs[:, 1]] = cells[found.pairs[:, 0]]
    return Screened(judged, found, ceiling, moved)


def detect(pixels: NDArray[np.float32], diameter: float) -> Points:
    """Find cells of a known diameter (pixels) without any label; shape (N, 2), (row, column)."""
    sigma = sigma_of_diameter(diameter)
    return difference_of_gaussians_peaks(pixels, sigma, automatic_threshold(pixels, sigma))


def summarise(screened: Iterable[Screened]) -> ScreeningSummary:
    """Gather the verdicts of a set."""
    items = list(screened)
    kept = [item for item in items if item.record.kept]
    pairs = sum(len(item.stylised.pairs) for item in items)
    found = pairs + sum(item.stylised.invented for item in items)
    drawn = pairs + sum(item.stylised.lost for item in items)
    reasons = Counter(item.record.reject_reason for item in items if not item.record.kept)
    return ScreeningSummary(
        n=len(items),
        kept=len(kept),
        precision=pairs / found if found else None,
        recall=pairs / drawn if drawn else None,
        f1=_known(pooled_f1([item.stylised for item in items])),
        f1_drawings=_known(pooled_f1([item.drawing for item in items])),
        f1_kept=_known(pooled_f1([item.stylised for item in kept])),
        rejects={str(reason): number for reason, number in sorted(reasons.items(), key=str)},
        **{name: _share_of(items, name, drawn) for name in _ERRORS},
    )


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
    if (found.invented - ceiling.invented) / cells > settings.maximum_invented:
        yield "invented"
    if (found.lost - ceiling.lost) / cells > settings.maximum_lost:
        yield "lost"
    if drawn and found.f1 < settings.minimum_relative_f1 * ceiling.f1:
        yield "low_f1"


def _emptiest_neighbourhood(found: PointMatch, ceiling: PointMatch, points: Points) -> float:
    """Return the smallest share found in any neighbourhood, of the cells that the drawing shows."""
    shown, seen = (np.zeros(len(points), dtype=bool) for _ in range(2))
    shown[ceiling.pairs[:, 1]] = True
    seen[found.pairs[:, 1]] = True
    return emptiest_neighbourhood(points[shown], seen[shown])


def _share_of(items: Iterable[Screened], name: str, drawn: int) -> float | None:
    return sum(getattr(item.stylised, name) for item in items) / drawn if drawn else None


def _known(share: float) -> float | None:
    return None if math.isnan(share) else share
