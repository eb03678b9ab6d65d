"""Two-sample test by a classifier: how well a linear rule tells two sets of features apart.

Logistic regression, area under the curve and grouped folds are written out here, as this runs
in the installation without `train`, which scikit-learn would bring above 600 MB.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray, Interval, percentile_interval
from adaptoscope.metrics.kernel_distance import as_features

IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

# A spread below this share of the mean is rounding: the feature is constant.
_ROUNDING = 1e-9
# Bounds the time of a fit that does not converge.
_MOST_STEPS = 500


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
        Group of every row of `first` and of `second`: the image that a tile was cut from or was
        made after. A group may have rows in both sets; each set needs two.
    folds
        As many as there are groups in the smaller set where those are fewer.
    penalty
        Weight of half the squared coefficients beside the summed log loss, in which both sets
        have the same total weight.
    resamples, level
        Of the bootstrap over groups, which gives the interval.
    """
    one, other = as_features(first, second)
    if (len(groups[0]), len(groups[1])) != (len(one), len(other)):
        raise InputError(
            "The groups do not belong to the features.",
            expected=f"{len(one)} and {len(other)} groups",
            found=f"{len(groups[0])} and {len(groups[1])}",
        )
    features = np.concatenate([one, other])
    second_set = np.repeat([False, True], [len(one), len(other)])
    numbers: IntArray = np.unique([*groups[0], *groups[1]], return_inverse=True)[1]
    generator = np.random.default_rng(seed)
    fold = divide_groups(numbers, second_set, folds, generator)
    scores = np.zeros(len(features))
    for held_out in range(int(fold.max()) + 1):
        judged = fold == held_out
        rule = _fit(features[~judged], second_set[~judged], penalty)
        scores[judged] = rule(features[judged])
    number = int(numbers.max()) + 1
    drawn = []
    for _ in range(resamples):
        times = np.bincount(generator.integers(0, number, number), minlength=number)
        drawn.append(area_under_curve(scores, second_set, times[numbers].astype(np.float64)))
    # A draw of one set alone has no area; of two or three images all draws may be like that.
    return percentile_interval(area_under_curve(scores, second_set), drawn, level)


def divide_groups(
    groups: IntArray, second_set: BoolArray, folds: int, generator: np.random.Generator
) -> IntArray:
    """Return the fold of each row, shape (N,), so that both sets are spread evenly.

    No group, numbered from 0, is in two folds. The largest are dealt out first, those of one size
    in an order drawn from the generator, each to where it evens out the squared shares most.
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
    scores: FloatArray, second_set: BoolArray, weights: FloatArray | None = None
) -> float:
    """Return the chance that a row of the second set scores above one of the first.

    Equal scores count half, and each row as often as its weight says. NaN where a set has none.
    """
    counted = np.ones(len(scores)) if weights is None else weights
    values: IntArray = np.unique(scores, return_inverse=True)[1]
    of_second = np.bincount(values, weights=counted * second_set)
    of_first = np.bincount(values, weights=counted * ~second_set, minlength=len(of_second))
    below = np.cumsum(of_first) - of_first / 2
    total = of_first.sum() * of_second.sum()
    return float((of_second * below).sum() / total) if total > 0 else float("nan")


def _fit(
    features: FloatArray, second_set: BoolArray, penalty: float
) -> Callable[[FloatArray], FloatArray]:
    """Return what gives the log-odds of the second set, shape (N,), for features (N, D)."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > _ROUNDING * (1 + np.abs(mean)), spread, np.inf)
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
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS}).x
    return lambda rows: np.asarray(((rows - mean) / scale) @ found[:-1] + found[-1])
