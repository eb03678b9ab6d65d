"""What intervals of single counts are worth across folds."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.calibration import calibrate
from adaptoscope.metrics.coverage import Coverage, coverage
from adaptoscope.pipeline.counting_stage import RowResult
from adaptoscope.reporting.tables import NO_VALUE, Table

FloatArray = npt.NDArray[np.float64]


def coverage_across_folds(
    predicted: FloatArray, true: FloatArray, fold: npt.NDArray[np.int64]
) -> Coverage | None:
    """Make the intervals of each fold from the errors in the other folds, and see what they hold.

    So no error that an interval is made from comes from a culture that it is tried on.

    Parameters
    ----------
    predicted, true
        Counts of images, shape (N,), each made by a counter that did not learn from its fold.
    fold
        Fold of each image, shape (N,).

    Returns
    -------
    Coverage or None
        None where some fold has too few images outside it for intervals.
    """
    lower, upper = np.zeros(len(true)), np.zeros(len(true))
    for number_of_fold in np.unique(fold):
        inside = fold == number_of_fold
        calibration = calibrate(predicted[~inside], true[~inside], origin="folds")
        if calibration is None:
            return None
        bounds = np.array([calibration.interval(count) for count in predicted[inside]])
        lower[inside], upper[inside] = bounds.T
    return coverage(lower, upper, predicted, true)


def coverages_of(result: RowResult) -> tuple[Coverage, ...]:
    """Return the coverage of a row's intervals with each seed; none where there are no folds."""
    if result.fold is None:
        return ()
    found = [coverage_across_folds(one, result.true, result.fold) for one in result.predicted]
    return tuple(one for one in found if one is not None)


def plain_coverage(result: RowResult) -> dict[str, object] | None:
    """Return what ``results.json`` says of a row's intervals; None where there are none."""
    found = coverages_of(result)
    if not found:
        return None
    width = _mean_width(found)
    return {
        "share_by_seed": [one.share for one in found],
        "interval": [found[0].interval.lower, found[0].interval.upper],
        "median_relative_width": width if np.isfinite(width) else None,
    }


def coverage_table(results: Sequence[RowResult]) -> Table | None:
    """Lay out how often 90 % intervals held the true count; None where there are no folds."""
    rows = []
    for result in results:
        found = coverages_of(result)
        if found:
            first = found[0]
            seeds = ", ".join(_per_cent(one.share) for one in found[1:])
            bounds = f"[{_per_cent(first.interval.lower)}, {_per_cent(first.interval.upper)}]"
            width = _mean_width(found)
            rows.append(
                (
                    result.row.name,
                    f"{_per_cent(first.share)} {bounds}",
                    seeds or NO_VALUE,
                    _per_cent(width) if np.isfinite(width) else NO_VALUE,
                )
            )
    if not rows:
        return None
    return Table(
        columns=(
            "Method",
            "Truth inside [95\u00a0% binomial interval]",
            "Other seeds",
            "Median width by count",
        ),
        rows=tuple(rows),
        caption="90\u00a0% intervals of single counts, made in each fold from the errors in the "
        "others.",
    )


def _mean_width(found: Sequence[Coverage]) -> float:
    return float(np.mean([one.median_relative_width for one in found]))


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"
