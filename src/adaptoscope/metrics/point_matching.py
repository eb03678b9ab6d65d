"""One-to-one matching of found cell centres to true ones."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class PointMatch:
    """Outcome of matching found centres to true centres.

    Parameters
    ----------
    pairs
        Shape (K, 2), index of the found point and of its true point, in order of the found points.
    precision, recall, f1
        Between 0 and 1; NaN where there was nothing to divide by.
    false_positives, false_negatives
        Found points without a true one, true points without a found one.
    merges, splits
        False negatives whose nearest found point, within twice the radius, belongs to another true
        point: two cells that were seen as one, with a centre about half a diameter from either. And
        false positives whose nearest true point belongs to another found one: a cell seen as two.
    mean_distance
        Mean distance of the pairs, in pixels; NaN without a pair.
    """

    pairs: IndexArray
    precision: float
    recall: float
    f1: float
    false_positives: int
    false_negatives: int
    merges: int
    splits: int
    mean_distance: float


@dataclass(frozen=True)
class PooledShares:
    """Agreement of the points of several images together, each between 0 and 1, or NaN."""

    precision: float
    recall: float
    f1: float


def match_points(
    found: npt.ArrayLike, true: npt.ArrayLike, radius: float | npt.ArrayLike
) -> PointMatch:
    """Match found to true centres: as many pairs as possible, then the shortest ones.

    Shares are NaN, with a warning, where both sets are empty.

    Parameters
    ----------
    found, true
        Shapes (N, 2) and (M, 2), (row, column) in pixels.
    radius
        Largest distance of a pair, in pixels, inclusive: one for all, or shape (M,), one for each
        true point. Half a cell diameter is customary.
    """
    found_points, true_points = _as_points(found, "found"), _as_points(true, "true")
    radii = _as_radii(radius, len(true_points))
    if not len(found_points) and not len(true_points):
        warnings.warn("no point on either side: shares are NaN", RuntimeWarning, stacklevel=2)
    near = _near_pairs(found_points, true_points, radii)
    distances = np.linalg.norm(found_points[near[:, 0]] - true_points[near[:, 1]], axis=1)
    chosen = _best_pairs(near, distances, len(found_points), len(true_points))
    pairs = near[chosen]
    unmatched = np.ones(len(true_points), dtype=bool)
    unmatched[pairs[:, 1]] = False
    surplus = np.ones(len(found_points), dtype=bool)
    surplus[pairs[:, 0]] = False
    return PointMatch(
        pairs=pairs,
        precision=_share(len(pairs), len(found_points)),
        recall=_share(len(pairs), len(true_points)),
        f1=_share(2 * len(pairs), len(found_points) + len(true_points)),
        false_positives=len(found_points) - len(pairs),
        false_negatives=len(true_points) - len(pairs),
        merges=_merges(true_points[unmatched], radii[unmatched], found_points, ~surplus),
        splits=_splits(found_points[surplus], true_points, radii, ~unmatched),
        mean_distance=float(distances[chosen].mean()) if len(pairs) else float("nan"),
    )


def _merges(
    missed: FloatArray, radii: FloatArray, found: FloatArray, matched: npt.NDArray[np.bool_]
) -> int:
    """Count missed cells whose nearest found point belongs to another cell."""
    if not len(missed) or not len(found):
        return 0
    distances, nearest = KDTree(found).query(missed)
    return int(np.count_nonzero((distances <= 2 * radii) & matched[nearest]))


def _splits(
    surplus: FloatArray, true: FloatArray, radii: FloatArray, matched: npt.NDArray[np.bool_]
) -> int:
    """Count surplus points whose nearest cell has been found by another point."""
    if not len(surplus) or not len(true):
        return 0
    distances, nearest = KDTree(true).query(surplus)
    return int(np.count_nonzero((distances <= 2 * radii[nearest]) & matched[nearest]))


def pooled_shares(matches: Sequence[PointMatch]) -> PooledShares:
    """Return precision, recall and F1 of several images, from the sums of their points."""
    pairs = sum(len(match.pairs) for match in matches)
    found = pairs + sum(match.false_positives for match in matches)
    true = pairs + sum(match.false_negatives for match in matches)
    return PooledShares(_share(pairs, found), _share(pairs, true), _share(2 * pairs, found + true))


def pooled_f1(matches: Sequence[PointMatch]) -> float:
    """Return one F1 for several images; NaN where no image has a point on either side."""
    return pooled_shares(matches).f1


def _as_radii(radius: float | npt.ArrayLike, number: int) -> FloatArray:
    """Return one radius for each true point."""
    given = np.asarray(radius, dtype=np.float64)
    if given.shape not in ((), (number,)):
        raise InputError(
            "The matching radii do not belong to the true points.",
            expected=f"one radius, or one for each of {number} points",
            found=f"shape {given.shape}",
        )
    if not (np.isfinite(given) & (given >= 0)).all():
        raise InputError(
            "The matching radius is not usable.", expected="0 or more pixels", found=str(radius)
        )
    return np.array(np.broadcast_to(given, (number,)))


def _as_points(points: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asarray(points, dtype=np.float64)
    if array.size == 0:
        array = array.reshape(0, 2)
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
        raise InputError(
            f"The {name} points are not usable.",
            expected="shape (N, 2), finite (row, column) values",
            found=f"shape {array.shape}",
        )
    return array


def _near_pairs(found: FloatArray, true: FloatArray, radii: FloatArray) -> IndexArray:
    """Return the pairs within reach, ordered by found point and then by true point."""
    if not len(found) or not len(true):
        return np.empty((0, 2), dtype=np.intp)
    neighbours = KDTree(found).query_ball_point(true, radii)
    lengths = [len(indices) for indices in neighbours]
    first = np.fromiter((i for indices in neighbours for i in indices), np.intp, sum(lengths))
    second = np.repeat(np.arange(len(true), dtype=np.intp), lengths)
    return np.column_stack([first, second])[np.lexsort((second, first))]


def _best_pairs(near: IndexArray, distances: FloatArray, n_found: int, n_true: int) -> IndexArray:
    """Return the rows of ``near`` that are kept, solving each connected clump on its own."""
    if not len(near):
        return np.empty(0, dtype=np.intp)
    size = n_found + n_true
    graph = csr_matrix((np.ones(len(near)), (near[:, 0], near[:, 1] + n_found)), (size, size))
    clump = connected_components(graph, directed=False)[1][near[:, 0]]
    order = np.argsort(clump, kind="stable")
    starts = np.flatnonzero(np.diff(clump[order])) + 1
    kept = [_solve_clump(near, distances, rows) for rows in np.split(order, starts)]
    return np.sort(np.concatenate(kept))


def _solve_clump(near: IndexArray, distances: FloatArray, rows: IndexArray) -> IndexArray:
    if len(rows) == 1:
        return rows
    found, found_index = np.unique(near[rows, 0], return_inverse=True)
    true, true_index = np.unique(near[rows, 1], return_inverse=True)
    # One more pair always outweighs any saving in distance.
    bonus = (min(len(found), len(true)) + 1) * (float(distances[rows].max()) + 1.0)
    cost = np.zeros((len(found), len(true)))
    cost[found_index, true_index] = distances[rows] - bonus
    row_of = np.full(cost.shape, -1, dtype=np.intp)
    row_of[found_index, true_index] = rows
    chosen: IndexArray = row_of[linear_sum_assignment(cost)]
    kept: IndexArray = chosen[chosen >= 0]
    return kept


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
