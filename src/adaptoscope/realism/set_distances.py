"""Distances of a set's tiles from real tiles, and those of real tiles from each other."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.metrics.copies import CopyCheck
from adaptoscope.metrics.distributions import histogram_distance, median_difference
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.kernel_distance import kernel_distance
from adaptoscope.metrics.spectra import spectrum_distance
from adaptoscope.realism.feature_distance import classifier_auc, halve_images
from adaptoscope.realism.realism_report import SetRealism
from adaptoscope.realism.settings import RealismSettings
from adaptoscope.realism.tile_measures import TileMeasures

FLOOR = "Real against real"


def measure_against(
    name: str,
    tiles: TileMeasures,
    real: TileMeasures,
    settings: RealismSettings,
    copies: CopyCheck | None = None,
) -> SetRealism:
    """Compare the tiles of one set with real ones, at least two of each."""
    return SetRealism(
        name=name,
        images=tiles.images,
        tiles=len(tiles),
        kid=kernel_distance(
            tiles.features,
            real.features,
            (tiles.names, real.names),
            seed=settings.seed,
            resamples=settings.resamples,
        ),
        cell_kid=_distance_at_cells(tiles, real, settings),
        spectrum=spectrum_distance(tiles.spectra, real.spectra),
        histogram=histogram_distance(tiles.histogram(), real.histogram()),
        sharpness=median_difference(tiles.all_sharpness(), real.all_sharpness()),
        auc=classifier_auc(
            real.features,
            tiles.features,
            (real.sources, tiles.sources),
            seed=settings.seed,
            folds=settings.folds,
            penalty=settings.penalty,
            resamples=settings.resamples,
        ),
        cells_per_mpx=float(tiles.cells_per_mpx.mean()),
        diameter=median_of_known(tiles.diameters),
        copies=copies,
    )


def measure_floor(real: TileMeasures, settings: RealismSettings) -> SetRealism | None:
    """Compare real tiles with real tiles of other images; None for fewer than four images.

    Means over the divisions, of absolute values for differences between two halves, whose sign
    says only which half came first; KID keeps its sign, since its unbiased estimate lies on both
    sides of 0 for equal distributions.
    """
    halves = []
    for inside in halve_images(real.names, settings.seed, settings.halvings):
        one, other = (real.chosen(np.flatnonzero(rows)) for rows in (inside, ~inside))
        halves.append(measure_against(FLOOR, one, other, settings))
    floor: SetRealism | None = _mean(halves)
    return floor


def median_of_known(values: NDArray[np.float64]) -> float:
    """Return the median of the values that are finite, or NaN."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _distance_at_cells(
    tiles: TileMeasures, real: TileMeasures, settings: RealismSettings
) -> Interval | None:
    """Compare features at cells, each in standard deviations of the real ones."""
    made, true = tiles.all_cell_features(), real.all_cell_features()
    if not min(made.size, true.size):
        return None
    mean, sd = true.mean(axis=0), true.std(axis=0)
    varying = sd > 0
    return kernel_distance(
        (made - mean)[:, varying] / sd[varying],
        (true - mean)[:, varying] / sd[varying],
        (tiles.names_of_cells, real.names_of_cells),
        seed=settings.seed,
        resamples=settings.resamples,
    )


def _mean(values: Sequence[Any]) -> Any:
    """Average results field by field; names and numbers of images are those of the first."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    first = known[0]
    if isinstance(first, Interval):
        ends = ((each.value, each.lower, each.upper) for each in known)
        value, lower, upper = (fmean(each) for each in zip(*ends, strict=True))
        return Interval(value, lower, upper, first.level)
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        return replace(first, **{n: _mean([getattr(each, n) for each in known]) for n in names})
    return fmean(map(abs, known)) if isinstance(first, float) else first
