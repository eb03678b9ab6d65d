"""Uneven light: the slow pattern that all images of a microscope share, told from the images.

Cells are brighter here and darker there in one image, but not at the same place of every image;
a lamp is. So each image is fitted by a polynomial of the place, and a term is believed where it has
the same sign and about the same size in all of them (Student's t test over images).
"""

from __future__ import annotations

from collections.abc import Sequence

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
    terms = _terms(images[0].shape)
    inverse = np.linalg.pinv(terms.reshape(len(terms), -1)).T
    found = np.stack([inverse @ np.asarray(image, np.float64).ravel() for image in images])
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
    light = np.tensordot(pattern, _terms(shape), axes=1)
    return np.asarray(np.maximum(light, _DARKEST), dtype=np.float32)


def _terms(shape: tuple[int, ...]) -> FloatArray:
    """Return 1 and the powers of the place, from -1 to 1, less their means, shape (6, H, W)."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    powers = [rows**down * columns**right for down, right in _POWERS]
    return np.stack([np.ones(shape), *(term - term.mean() for term in powers)])
