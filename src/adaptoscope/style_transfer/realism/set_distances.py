"""Distances of a set's tiles from real tiles, and those of real tiles from each other."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from adaptoscope.metrics.copies import CopyCheck
from adaptoscope.metrics.distributions import (
    HistogramDistance,
    MedianDifference,
    histogram_distance,
    median_difference,
)
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.kernel_distance import kernel_distance
from adaptoscope.metrics.spectra import SpectrumDistance, spectrum_distance
from adaptoscope.metrics.two_sample import two_sample_auc
from adaptoscope.style_transfer.realism.report import SetRealism
from adaptoscope.style_transfer.realism.settings import RealismSettings
from adaptoscope.style_transfer.realism.tiles import TileMeasures

FLOOR = "Real against real"

_FEWEST_FOR_FLOOR = 4


def measure_against(
    name: str,
    tiles: TileMeasures,
    real: TileMeasures,
    settings: RealismSettings,
    copies: CopyCheck | None = None,
) -> SetRealism:
    """Compare the tiles of one set with real ones.

    Parameters
    ----------
    tiles, real
        At least two tiles each.
    copies
        What the search for copies found; None where they were not looked for.
    """
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
        auc=_auc(tiles, real, settings),
        cells_per_mpx=float(tiles.cells_per_mpx.mean()),
        diameter=usual_value(tiles.diameters),
        copies=copies,
    )


def measure_floor(real: TileMeasures, settings: RealismSettings) -> SetRealism | None:
    """Compare real tiles with real tiles of other images.

    Parameters
    ----------
    settings
        How to measure, and how often to divide the images anew.

    Returns
    -------
    SetRealism or None
        Means over the divisions, of absolute values for differences between two halves, whose sign
        says only which half came first; KID keeps its sign, since its unbiased estimate lies on
        both sides of 0 for equal distributions. None for fewer than four images. Halves are smaller
        than whole sets, so that the floor is rather too high.
    """
    names = sorted({tile.record.file_name for tile in real.tiles})
    if len(names) < _FEWEST_FOR_FLOOR:
        return None
    generator = np.random.default_rng(settings.seed)
    halves = []
    for _ in range(settings.halvings):
        first = set(generator.permutation(names)[: len(names) // 2].tolist())
        inside = np.array([tile.record.file_name in first for tile in real.tiles])
        one = real.chosen(np.flatnonzero(inside).tolist())
        other = real.chosen(np.flatnonzero(~inside).tolist())
        halves.append(measure_against(FLOOR, one, other, settings))
    return _mean_of(halves)


def usual_value(values: NDArray[np.float64]) -> float:
    """Return the median of the values that are known, or NaN."""
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


def _auc(tiles: TileMeasures, real: TileMeasures, settings: RealismSettings) -> Interval | None:
    if min(len(set(tiles.sources)), len(set(real.sources))) < 2:
        return None
    return two_sample_auc(
        real.features,
        tiles.features,
        (real.sources, tiles.sources),
        seed=settings.seed,
        folds=settings.folds,
        penalty=settings.penalty,
        resamples=settings.resamples,
    )


def _mean_of(halves: Sequence[SetRealism]) -> SetRealism:
    def mean(values: Sequence[float]) -> float:
        return fmean(abs(value) for value in values)

    def interval(intervals: Sequence[Interval | None]) -> Interval | None:
        known = [each for each in intervals if each is not None]
        if not known:
            return None
        return Interval(
            fmean(each.value for each in known),
            fmean(each.lower for each in known),
            fmean(each.upper for each in known),
            known[0].level,
        )

    return SetRealism(
        name=FLOOR,
        images=halves[0].images,
        tiles=halves[0].tiles,
        kid=interval([half.kid for half in halves]),
        cell_kid=interval([half.cell_kid for half in halves]),
        spectrum=SpectrumDistance(
            total=mean([half.spectrum.total for half in halves]),
            offset=mean([half.spectrum.offset for half in halves]),
            shape=mean([half.spectrum.shape for half in halves]),
            bins=halves[0].spectrum.bins,
        ),
        histogram=HistogramDistance(
            wasserstein=mean([half.histogram.wasserstein for half in halves]),
            relative=mean([half.histogram.relative for half in halves]),
        ),
        sharpness=MedianDifference(
            median=mean([half.sharpness.median for half in halves]),
            reference=mean([half.sharpness.reference for half in halves]),
            difference=mean([half.sharpness.difference for half in halves]),
            relative=mean([half.sharpness.relative for half in halves]),
        ),
        auc=interval([half.auc for half in halves]),
        cells_per_mpx=fmean(half.cells_per_mpx for half in halves),
        diameter=fmean(half.diameter for half in halves),
        copies=None,
    )
