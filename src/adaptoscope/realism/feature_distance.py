"""How far the features of two sets lie apart, and which halves of one set give the floor.

Knows no encoder: features are rows, each from one image, and whole images are kept together.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.two_sample import two_sample_auc

# Halves need two images each, as a kernel distance does.
_FEWEST_FOR_FLOOR = 4


def classifier_auc(
    first: ArrayLike,
    second: ArrayLike,
    images: tuple[Sequence[str], Sequence[str]],
    *,
    seed: int,
    folds: int,
    penalty: float,
    resamples: int = 1000,
) -> Interval | None:
    """Return the two-sample AUC of rows (N, F) and (M, F); None for one image in a set."""
    if min(len(set(images[0])), len(set(images[1]))) < 2:
        return None
    return two_sample_auc(
        first, second, images, seed=seed, folds=folds, penalty=penalty, resamples=resamples
    )


def halve_images(images: Sequence[str], seed: int, times: int) -> Iterator[NDArray[np.bool_]]:
    """Divide images at random into halves; yield which rows, shape (N,), are in the first.

    Nothing for fewer than four images. Distances of halves are the floor below which two sets of
    one kind lie by chance; halves are smaller than whole sets, so that it is rather too high.
    """
    names = sorted(set(images))
    if len(names) < _FEWEST_FOR_FLOOR:
        return
    generator = np.random.default_rng(seed)
    for _ in range(times):
        yield np.isin(images, generator.permutation(names)[: len(names) // 2])
