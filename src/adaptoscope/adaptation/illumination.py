"""Uneven light: the slow pattern that all images of a microscope share, told from the images.

Cells are brighter here and darker there in one image, but not at the same place of every image;
a lamp is. So each image is fitted by a polynomial of the place, and a term is believed where it has
the same sign and about the same size in all of them (Student's t test over images). Specimens that
lie in the middle of every image are taken for a lamp that does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatImage = NDArray[np.float32]
FloatArray = NDArray[np.float64]

_POWERS = ((0, 1), (1, 0), (0, 2), (1, 1), (2, 0))
"""Powers of row and column of the terms beside the mean."""
_CHANCE = 0.001
"""How seldom a term is believed that is there by chance."""
_SLIGHT = 0.1
"""Patterns whose brightest and darkest place differ by less are left alone: where cells lie, near
borders or not, makes such patterns too."""
_ALIKE = 1e-6
_FINEST = 256
"""Rows and columns that are fitted; larger images are averaged, since the pattern is slow."""
_DARKEST = 0.1
"""No place is told to get less of the mean light."""


def light_pattern(images: Sequence[FloatImage]) -> FloatArray | None:
    """Return how much light each place gets, relative to the mean of a field.

    Parameters
    ----------
    images
        Shape (H, W) each, no light being 0; more images tell weaker patterns.

    Returns
    -------
    numpy.ndarray or None
        Shape (6,), factors of 1 and of the terms of `light_at`; None where no pattern is told: of
        fewer than three images, of images of several sizes, or where they do not share one that
        is worth the name.
    """
    if len(images) < 3 or len({image.shape for image in images}) > 1:
        return None
    rows, columns = (_averaged(_places(side), 0) for side in images[0].shape)
    terms = np.stack([np.ones((len(rows), len(columns))), *_terms(rows, columns)])
    inverse = np.linalg.pinv(terms.reshape(len(terms), -1)).T
    found = np.stack([inverse @ _averaged(_averaged(image, 0), 1).ravel() for image in images])
    means = np.array([image.mean(dtype=np.float64) for image in images])
    if not (means > 0).all():
        return None
    relative = found / means[:, None]
    spread = relative[:, 1:].std(axis=0)
    told = np.zeros(len(_POWERS), dtype=bool)
    # Copies of one image tell no more than it.
    varied = spread > _ALIKE
    told[varied] = stats.ttest_1samp(relative[:, 1:][:, varied], 0.0).pvalue < _CHANCE
    pattern = np.concatenate([[1.0], np.where(told, relative[:, 1:].mean(axis=0), 0.0)])
    return pattern if np.ptp(light_at(pattern, images[0].shape)) >= _SLIGHT else None


def light_at(pattern: FloatArray, shape: tuple[int, ...]) -> FloatImage:
    """Return a pattern as an image.

    Parameters
    ----------
    pattern
        As `light_pattern` returns it.
    shape
        Height and width in pixels.

    Returns
    -------
    numpy.ndarray
        Shape (H, W), at least 0.1, with mean 1 where no place is darker.
    """
    rows, columns = (_places(side) for side in shape)
    light = np.full(shape, pattern[0], dtype=np.float32)
    for factor, term in zip(pattern[1:], _terms(rows, columns), strict=True):
        light += factor * term
    return np.maximum(light, np.float32(_DARKEST))


def _terms(rows: FloatArray, columns: FloatArray) -> Iterator[FloatImage]:
    """Give the powers of the place less their means, shape (H, W) each."""
    for down, right in _POWERS:
        term = np.multiply.outer(rows**down, columns**right)
        yield np.asarray(term - term.mean(), dtype=np.float32)


def _places(side: int) -> FloatArray:
    return np.linspace(-1, 1, side)


def _averaged(values: NDArray[np.floating], axis: int) -> FloatArray:
    """Return means of neighbours along an axis, so that no more than 256 are left."""
    side = values.shape[axis]
    first = np.linspace(0, side, min(side, _FINEST), endpoint=False).astype(int)
    sums = np.add.reduceat(values, first, axis=axis, dtype=np.float64)
    numbers = np.expand_dims(np.diff(first, append=side), [1 - axis][: values.ndim - 1])
    return np.asarray(sums / numbers)
