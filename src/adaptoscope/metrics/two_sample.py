"""Two-sample test by a classifier: how well a linear rule tells two sets of features apart."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.kernel_distance import as_features

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


def two_sample_auc(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    groups: tuple[Sequence[str], Sequence[str]],
    *,
    seed: int,
    folds: int = 5,
    penalty: float = 1.0,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Return the area under the curve of a logistic regression that tells two sets apart.

    Whole groups are left out of the training in turn and judged by the rule that did not see them;
    the area is that of all judgements together. 0.5 is chance, 1 perfect separation.

    Parameters
    ----------
    first, second
        Shapes (N, D) and (M, D). Features are standardised on the training part of each fold.
    groups
        Group of every row of `first` and of `second`, by which the folds are made: the image that
        a tile was cut from or was made after. A group may have rows in both sets.
    seed
        Seed of the folds and of the bootstrap.
    folds
        Number of folds; as many as there are groups in the smaller set where those are fewer.
    penalty
        Weight of half the squared coefficients beside the summed log loss, in which both sets
        have the same total weight.
    resamples, level
        Of the bootstrap over groups, which gives the interval.

    Returns
    -------
    Interval
        Pooled area, with its percentile interval.

    Raises
    ------
    InputError
        If the features cannot be compared, groups are missing, or a set has fewer than two groups.
    """
    one, other = as_features(first, second)
    names = [*groups[0], *groups[1]]
    if (len(groups[0]), len(groups[1])) != (len(one), len(other)):
        raise InputError(
            "The groups do not belong to the features.",
            expected=f"{len(one)} and {len(other)} groups",
            found=f"{len(groups[0])} and {len(groups[1])}",
        )
    features = np.concatenate([one, other])
    second_set = np.repeat([False, True], [len(one), len(other)])
    numbers: IntArray = np.unique(names, return_inverse=True)[1]
    generator = np.random.default_rng(seed)
    fold = grouped_folds(numbers, second_set, folds, generator)
    scores = np.zeros(len(features))
    for held_out in range(int(fold.max()) + 1):
        judged = fold == held_out
        rule = _fit(features[~judged], second_set[~judged], penalty)
        scores[judged] = rule(features[judged])
    return _interval(scores, second_set, numbers, generator, resamples, level)


def grouped_folds(
    groups: IntArray, second_set: npt.NDArray[np.bool_], folds: int, generator: np.random.Generator
) -> IntArray:
    """Divide groups among folds so that both sets are spread evenly.

    Parameters
    ----------
    groups
        Shape (N,), group of each row, numbered from 0.
    second_set
        Shape (N,), true for rows of the second set.
    folds
        Number of folds; fewer where one set has fewer groups.
    generator
        Source of the order in which groups of one size are dealt out.

    Returns
    -------
    numpy.ndarray
        Shape (N,), fold of each row, from 0. No group is in two folds.

    Raises
    ------
    InputError
        If a set has fewer than two groups.
    """
    rows = np.stack(
        [np.bincount(groups[second_set == kind], minlength=groups.max() + 1) for kind in (0, 1)],
        axis=1,
    )
    fewest = int((rows > 0).sum(axis=0).min())
    if fewest < 2 or folds < 2:
        raise InputError(
            "Two sets cannot be told apart fairly.",
            expected="at least two groups in each set, and two folds",
            found=f"{fewest} in the smaller one, {folds} folds",
            remedy="compare sets of more images",
        )
    shares = rows / rows.sum(axis=0)
    load = np.zeros((min(folds, fewest), 2))
    fold_of_group = np.zeros(len(rows), dtype=np.intp)
    shuffled = generator.permutation(len(rows))
    for group in shuffled[np.argsort(-shares[shuffled].max(axis=1), kind="stable")]:
        added = (load + shares[group]) ** 2 - load**2
        fold_of_group[group] = int(np.argmin(added.sum(axis=1)))
        load[fold_of_group[group]] += shares[group]
    return fold_of_group[groups]


def area_under_curve(
    scores: FloatArray, second_set: npt.NDArray[np.bool_], weights: FloatArray | None = None
) -> float:
    """Return the chance that a row of the second set scores above one of the first.

    Parameters
    ----------
    scores, second_set
        Shape (N,). Equal scores count half.
    weights
        Shape (N,), how often each row counts; once if not given.

    Returns
    -------
    float
        Between 0 and 1; NaN where a set has no weight.
    """
    counted = np.ones(len(scores)) if weights is None else weights
    values: IntArray = np.unique(scores, return_inverse=True)[1]
    of_second = np.bincount(values, weights=counted * second_set)
    of_first = np.bincount(values, weights=counted * ~second_set, minlength=len(of_second))
    below = np.cumsum(of_first) - of_first / 2
    total = of_first.sum() * of_second.sum()
    return float((of_second * below).sum() / total) if total > 0 else float("nan")


class _LinearRule:
    """Standardised features times coefficients."""

    def __init__(self, mean: FloatArray, scale: FloatArray, coefficients: FloatArray) -> None:
        self.mean, self.scale, self.coefficients = mean, scale, coefficients

    def __call__(self, features: FloatArray) -> FloatArray:
        """Return the log-odds of the second set, shape (N,)."""
        standard = (features - self.mean) / self.scale
        odds: FloatArray = standard @ self.coefficients[:-1] + self.coefficients[-1]
        return odds


def _fit(features: FloatArray, second_set: npt.NDArray[np.bool_], penalty: float) -> _LinearRule:
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > 1e-9 * (1 + np.abs(mean)), spread, np.inf)
    standard = (features - mean) / scale
    signs = np.where(second_set, 1.0, -1.0)
    share = second_set.mean()
    weights = np.where(second_set, 0.5 / share, 0.5 / (1 - share))

    def loss(coefficients: FloatArray) -> tuple[float, FloatArray]:
        margins = signs * (standard @ coefficients[:-1] + coefficients[-1])
        pull = -weights * signs * expit(-margins)
        gradient = np.append(standard.T @ pull + penalty * coefficients[:-1], pull.sum())
        value = weights @ np.logaddexp(0, -margins) + penalty / 2 * (coefficients[:-1] ** 2).sum()
        return float(value), gradient

    start = np.zeros(features.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return _LinearRule(mean, scale, np.asarray(found.x, dtype=np.float64))


def _interval(
    scores: FloatArray,
    second_set: npt.NDArray[np.bool_],
    groups: IntArray,
    generator: np.random.Generator,
    resamples: int,
    level: float,
) -> Interval:
    number = int(groups.max()) + 1
    draws = []
    for _ in range(resamples):
        times = np.bincount(generator.integers(0, number, number), minlength=number)
        draws.append(area_under_curve(scores, second_set, times[groups].astype(np.float64)))
    # A draw of one set alone has no area; of two or three images all draws may be like that.
    known = [draw for draw in draws if not np.isnan(draw)]
    bounds = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if known else (np.nan, np.nan)
    value = area_under_curve(scores, second_set)
    return Interval(value, float(bounds[0]), float(bounds[1]), level)
