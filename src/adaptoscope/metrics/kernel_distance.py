"""Kernel distance between two sets of feature vectors (KID), unbiased for sets of any size."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KernelDistance:
    """Kernel distance over random subsets.

    Parameters
    ----------
    value, sd
        Mean and standard deviation over the subsets. The mean is near 0, and may be below it,
        where both sets come from one distribution; its scale is that of the features.
    subset_size, subsets
        Vectors drawn from each set without replacement, and how often.
    """

    value: float
    sd: float
    subset_size: int
    subsets: int


def kernel_distance(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    seed: int,
    subset_size: int = 100,
    subsets: int = 200,
) -> KernelDistance:
    """Return the kernel inception distance of Binkowski et al. (2018) for features of any kind.

    Parameters
    ----------
    first, second
        Shapes (N, D) and (M, D): one row of features per image.
    seed
        Equal seeds give equal subsets.
    subset_size
        Rows drawn from each set; all of the smaller set where it has fewer.
    subsets
        Number of draws.

    Returns
    -------
    KernelDistance
        With the subset size that was used.

    Raises
    ------
    InputError
        If a set has fewer than two rows, the widths differ, or a number is out of range.
    """
    one, other = as_features(first, second, least=2)
    if subset_size < 2 or subsets < 1:
        raise InputError(
            "The subsets cannot be drawn.",
            expected="at least 1 subset of at least 2 images",
            found=f"{subsets} of {subset_size}",
        )
    size = min(subset_size, len(one), len(other))
    generator = np.random.default_rng(seed)
    values = [
        unbiased_mmd(
            one[generator.choice(len(one), size, replace=False)],
            other[generator.choice(len(other), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), size, subsets)


def unbiased_mmd(first: FloatArray, second: FloatArray) -> float:
    """Return the unbiased squared maximum mean discrepancy under the polynomial kernel.

    Parameters
    ----------
    first, second
        Shapes (N, D) and (M, D), at least two rows each.

    References
    ----------
    Gretton et al. (2012), lemma 6: the mean of k(x, x') over pairs of different rows of each set,
    minus twice the mean of k(x, y).
    """
    within = _mean_of_pairs(polynomial_kernel(first, first))
    within += _mean_of_pairs(polynomial_kernel(second, second))
    return within - 2 * float(polynomial_kernel(first, second).mean())


def polynomial_kernel(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return ``(x . y / D + 1) ** 3`` for every pair of rows, shape (N, M)."""
    product: FloatArray = (first @ second.T / first.shape[1] + 1.0) ** 3
    return product


def as_features(
    first: npt.ArrayLike, second: npt.ArrayLike, *, least: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Return two sets of features as arrays if they can be compared.

    Parameters
    ----------
    first, second
        Shapes (N, D) and (M, D), finite.
    least
        Fewest rows of each.

    Raises
    ------
    InputError
        If they cannot.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    shaped = one.ndim == 2 and other.ndim == 2 and one.shape[1:] == other.shape[1:]
    if not shaped or min(len(one), len(other)) < least or not one.shape[1]:
        raise InputError(
            "Two sets of features cannot be compared.",
            expected=f"at least {least} rows each, of one width",
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


def _mean_of_pairs(kernel: FloatArray) -> float:
    """Mean of a kernel matrix without its diagonal."""
    number = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (number * (number - 1)))
