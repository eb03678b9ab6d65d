"""Kernel distance between two sets of feature vectors (KID), unbiased for sets of any size."""

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray, Interval, percentile_interval


def kernel_distance(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]],
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval | None:
    """Return the kernel inception distance of Binkowski et al. (2018) for features of any kind.

    Parameters
    ----------
    first, second
        Shapes (N, D) and (M, D): one row of features per tile or cell.
    groups
        Lengths N and M: the image of every row. Rows of one image are alike, and pairs of them are
        left out of the means within a set, which would be too large otherwise, and the distance
        with them.
    seed, resamples, level
        Of the bootstrap over images, in both sets.

    Returns
    -------
    Interval or None
        The value is near 0, and may be below it, where both sets come from one distribution; its
        scale is that of the features. None where a set has fewer than two images.

    References
    ----------
    Gretton et al. (2012), lemma 6: the mean of k(x, x') over pairs of different rows of each set,
    minus twice the mean of k(x, y); here over all pairs of different images instead of subsets.
    """
    one, other = as_features(first, second)
    members = _membership(groups[0], len(one)), _membership(groups[1], len(other))
    if min(member.shape[1] for member in members) < 2:
        return None
    within_one = _PairSums(polynomial_kernel(one, one), members[0], members[0])
    within_other = _PairSums(polynomial_kernel(other, other), members[1], members[1])
    between = _PairSums(polynomial_kernel(one, other), *members)
    for sums in (within_one, within_other):
        sums.leave_out_own()

    def distance(of_one: FloatArray, of_other: FloatArray) -> FloatArray:
        within = within_one.mean(of_one, of_one) + within_other.mean(of_other, of_other)
        return within - 2 * between.mean(of_one, of_other)

    value = distance(*(np.ones((1, member.shape[1])) for member in members))
    generator = np.random.default_rng(seed)
    drawn = distance(*(_resampled(member.shape[1], resamples, generator) for member in members))
    return percentile_interval(float(value[0]), drawn, level)


class _PairSums:
    """Sums of a kernel over pairs of images, and the numbers of pairs."""

    def __init__(self, kernel: FloatArray, rows: FloatArray, columns: FloatArray) -> None:
        self._sums = rows.T @ kernel @ columns
        self._pairs = np.outer(rows.sum(axis=0), columns.sum(axis=0))

    def leave_out_own(self) -> None:
        """Leave out pairs from one and the same image."""
        np.fill_diagonal(self._sums, 0)
        np.fill_diagonal(self._pairs, 0)

    def mean(self, rows: FloatArray, columns: FloatArray) -> FloatArray:
        """Return the mean over pairs, shape (R,), images weighted by shapes (R, G) and (R, H)."""
        pairs = np.sum((rows @ self._pairs) * columns, axis=1)
        sums = np.sum((rows @ self._sums) * columns, axis=1)
        means: FloatArray = np.full_like(sums, np.nan)
        np.divide(sums, pairs, out=means, where=pairs > 0)
        return means


def _membership(names: Sequence[Hashable], rows: int) -> FloatArray:
    """Return 1 where a row belongs to an image, shape (rows, images)."""
    if len(names) != rows:
        raise InputError(
            "The images of the features are not known.",
            expected=f"{rows} names, one for each row",
            found=str(len(names)),
        )
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    member = np.zeros((rows, len(places)))
    member[np.arange(rows), [places[name] for name in names]] = 1
    return member


def _resampled(images: int, resamples: int, generator: np.random.Generator) -> FloatArray:
    """Return how often each image is drawn, shape (resamples, images)."""
    shares = np.full(images, 1 / images)
    return generator.multinomial(images, shares, size=resamples).astype(np.float64)


def polynomial_kernel(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return ``(x . y / D + 1) ** 3`` for every pair of rows, shape (N, M)."""
    product: FloatArray = (first @ second.T / first.shape[1] + 1.0) ** 3
    return product


def as_features(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return two sets of features, (N, D) and (M, D), as finite arrays if they can be compared."""
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    shaped = one.ndim == 2 and other.ndim == 2 and one.shape[1:] == other.shape[1:]
    if not shaped or min(len(one), len(other)) < 1 or not one.shape[1]:
        raise InputError(
            "Two sets of features cannot be compared.",
            expected="at least one row each, of one width",
            found=f"shapes {one.shape} and {other.shape}",
            remedy="compare larger sets, seen by the same encoder",
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise InputError(
            "Two sets of features cannot be compared.",
            expected="finite features",
            found="NaN or infinity",
            remedy="check the images and the encoder's weights",
        )
    return one, other
