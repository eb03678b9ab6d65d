"""What comes out of comparing a counter with counted images, for people, machines and tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adaptoscope.datasets.density_classes import CLASSES
from adaptoscope.imageio.csv_tables import Cell, write_table
from adaptoscope.images.cell_centres import Points
from adaptoscope.metrics.counts import CountErrors, count_errors
from adaptoscope.metrics.coverage import Coverage, coverage
from adaptoscope.metrics.intervals import Interval, bootstrap_interval
from adaptoscope.metrics.paired import LEAST_COMPARED
from adaptoscope.metrics.point_matching import PointMatch, PooledShares, pooled_shares


@dataclass(frozen=True, eq=False)
class EvaluatedImage:
    """One image: what was counted and what is true.

    Parameters
    ----------
    density_class
        ``low``, ``medium``, ``high``, or what the set calls it.
    true_points
        Shape (N, 2), marked centres as (row, column) in pixels.
    diameters
        Shape (N,), diameter of each marked cell in pixels.
    found_points
        Shape (M, 2), centres that the counter gave; None where it gives none.
    match
        Found against marked centres; None where there is none on either side.
    game
        Grid average errors of levels 0, 1, 2 and 3 in cells; None where the counter gives no
        centres.
    bounds
        Lower and upper bound of the count in cells; None where the counter is not calibrated.
    """

    image: str
    predicted: float
    true: float
    density_class: str
    true_points: Points
    diameters: npt.NDArray[np.float64]
    found_points: Points | None = None
    match: PointMatch | None = None
    game: tuple[float, ...] | None = None
    bounds: tuple[float, float] | None = None

    @property
    def error(self) -> float:
        """Predicted minus true, in cells."""
        return self.predicted - self.true


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Errors of a counter on a set.

    Parameters
    ----------
    mae_interval
        95 % bootstrap interval of the mean absolute error, over images.
    points
        Precision, recall and F1 of the found centres, NaN where neither a centre was found nor
        one is marked; None where the counter gives no centres.
    game
        Grid average errors of levels 0 to 3, means over the images in cells; None likewise.
    coverage
        What the intervals of single counts are worth here; None where the counter gives none.
    images
        One for each image, in the order of the set.
    """

    errors: CountErrors
    mae_interval: Interval
    points: PooledShares | None
    game: tuple[float, ...] | None
    by_density: dict[str, CountErrors]
    coverage: Coverage | None
    images: tuple[EvaluatedImage, ...]

    @property
    def f1(self) -> float | None:
        """Pooled F1 of the found centres; None where the counter gives none."""
        return None if self.points is None else self.points.f1

    def as_dict(self) -> dict[str, object]:
        """Return what ``count evaluate --json`` prints; NaN where a figure is not defined."""
        found: dict[str, object] = dict(self.errors.as_dict())
        found["mae_interval"] = [self.mae_interval.lower, self.mae_interval.upper]
        if self.points is not None:
            found["f1"] = self.points.f1
            found["precision"] = self.points.precision
            found["recall"] = self.points.recall
        if self.game is not None:
            found["game"] = list(self.game)
        if self.coverage is not None:
            held = self.coverage
            found["coverage"] = held.share
            found["coverage_interval"] = [held.interval.lower, held.interval.upper]
            found["median_relative_width"] = held.median_relative_width
        found["by_density"] = {
            name: {"n": errors.n, "mae": errors.mae, "bias": errors.bias}
            for name, errors in self.by_density.items()
        }
        return found

    def in_words(self) -> dict[str, str]:
        """Return the same for a person: every figure with its unit."""
        errors, interval = self.errors, self.mae_interval
        found = {
            "images": str(errors.n),
            "MAE": f"{_cells(errors.mae)} (95 % interval {interval.lower:.2f} to "
            f"{interval.upper:.2f})"
            if errors.n >= LEAST_COMPARED
            else f"{_cells(errors.mae)} (too few images for an interval)",
            "RMSE": _cells(errors.rmse),
            "bias": f"{_cells(errors.bias, sign='+')} (predicted minus true)",
            "within 5 %": f"{_per_cent(errors.within_5)} of the images",
            "within 10 %": f"{_per_cent(errors.within_10)} of the images",
            "MAPE": f"{_per_cent(errors.mape)} of the true count",
            "R2": "not defined: all true counts are equal"
            if math.isnan(errors.r2)
            else f"{errors.r2:.3f}",
        }
        if self.points is not None:
            f1 = "not defined" if math.isnan(self.points.f1) else f"{self.points.f1:.3f}"
            found["F1"] = f"{f1} (centres within half a cell's diameter; 1 is perfect)"
            found["precision"] = f"{_per_cent(self.points.precision)} of the found centres"
            found["recall"] = f"{_per_cent(self.points.recall)} of the true centres"
        if self.game is not None:
            levels = ", ".join(f"{value:.2f}" for value in self.game)
            found["GAME 0 to 3"] = f"{levels} cells"
        if self.coverage is not None:
            held = self.coverage
            found["90 % intervals"] = (
                f"hold {_per_cent(held.share)} of the true counts (95 % interval "
                f"{_per_cent(held.interval.lower)} to {_per_cent(held.interval.upper)}), half of "
                f"them wider than {_per_cent(held.median_relative_width)} of the count"
            )
        for name, each in self.by_density.items():
            number = "1 image" if each.n == 1 else f"{each.n} images"
            found[f"density {name}"] = (
                f"{number}, MAE {_cells(each.mae)}, bias {_cells(each.bias, sign='+')}"
            )
        return found

    def write_table(self, path: Path) -> None:
        """Write one row per image as CSV."""
        columns = ("image", "predicted", "true", "error", "f1", "invented", "lost", "density_class")
        rows: list[list[Cell]] = []
        for row in self.images:
            match = row.match
            found: tuple[Cell, ...] = (None, None, None)
            if match is not None:
                found = (str(match.f1), match.false_positives, match.false_negatives)
            counts = (f"{row.predicted:.3f}", row.true, f"{row.error:.3f}")
            rows.append([row.image, *counts, *found, row.density_class])
        write_table(path, columns, rows)


def summarise(
    rows: Sequence[EvaluatedImage], *, seed: int = 0, resamples: int = 10_000
) -> Evaluation:
    """Turn the rows of single images into errors with their interval.

    Parameters
    ----------
    rows
        At least one.
    """
    predicted, true = [row.predicted for row in rows], [row.true for row in rows]
    absolute = np.abs(np.array(predicted) - np.array(true))
    matches = [row.match for row in rows if row.match is not None]
    levels = [row.game for row in rows if row.game is not None]
    return Evaluation(
        errors=count_errors(predicted, true),
        mae_interval=bootstrap_interval(absolute, seed=seed, resamples=resamples),
        points=pooled_shares(matches) if levels else None,
        game=tuple(float(mean) for mean in np.mean(levels, axis=0)) if levels else None,
        by_density={
            name: _errors_of([row for row in rows if row.density_class == name])
            for name in _in_order({row.density_class for row in rows})
        },
        coverage=_coverage_of(rows),
        images=tuple(rows),
    )


def _coverage_of(rows: Sequence[EvaluatedImage]) -> Coverage | None:
    bounds = [row.bounds for row in rows if row.bounds is not None]
    if len(bounds) < len(rows):
        return None
    lower, upper = zip(*bounds, strict=True)
    return coverage(lower, upper, [row.predicted for row in rows], [row.true for row in rows])


def _errors_of(rows: Sequence[EvaluatedImage]) -> CountErrors:
    return count_errors([row.predicted for row in rows], [row.true for row in rows])


def _in_order(names: set[str]) -> list[str]:
    """Order classes from sparse to dense; a set's own names follow by the alphabet."""
    known = [name for name in CLASSES if name in names]
    return known + sorted(names - set(known))


def _cells(value: float, *, sign: str = "") -> str:
    return f"{value:{sign}.2f} cells"


def _per_cent(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{100 * value:.1f} %"
