"""Stylise several times and keep the attempt in which most drawn cells are found again."""

import math
import warnings
from collections.abc import Sequence
from functools import partial

from adaptoscope.images.cell_centres import Points
from adaptoscope.metrics.point_matching import match_points
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.screening.screen_image import detect
from adaptoscope.style_transfer.settings import ScreeningSettings, StylisationSettings
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.style_transfer.stylise import Drawing, Stylised, stylise_batch


def stylise_best(
    drawings: Sequence[Drawing],
    points: Sequence[Points],
    diameters: Sequence[float],
    style: Style,
    backbone: Backbone,
    settings: StylisationSettings,
) -> list[Stylised]:
    """Stylise drawings of one size `settings.best_of` times, each time with other noise.

    The cells are looked for with the detector of screening, so screening is kinder to what is
    chosen here; `structure.judge_structure` looks with another.

    Parameters
    ----------
    drawings
        As `stylise_batch` takes them.
    points
        Drawn centres of each drawing, shape (N, 2), (row, column).
    diameters
        Cell diameter of each drawing, in pixels.
    style, backbone, settings
        As `stylise_batch` takes them. Time grows in proportion to `settings.best_of`.

    Returns
    -------
    list of Stylised
        One for each drawing; of attempts that are equally good, the first.
    """
    attempts = [
        stylise_batch(drawings, style, backbone, settings, attempt=attempt)
        for attempt in range(settings.best_of)
    ]
    radius = ScreeningSettings().radius_in_diameters
    return [
        max(
            tries,
            key=partial(_found_again, points=centres, radius=radius * diameter, diameter=diameter),
        )
        for tries, centres, diameter in zip(
            zip(*attempts, strict=True), points, diameters, strict=True
        )
    ]


def _found_again(stylised: Stylised, points: Points, diameter: float, radius: float) -> float:
    """Return the F1 of the detected cells; 1 where there is nothing to find and nothing found."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        match = match_points(detect(stylised.pixels, diameter), points, radius)
    return 1.0 if math.isnan(match.f1) else match.f1
