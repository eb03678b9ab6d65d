"""Uneven light: the slow pattern that all images of a microscope share, told from the images.

Cells are brighter here and darker there in one image, but not at the same place of every image;
a lamp is. So each image is fitted by a polynomial of the place, and a term is believed where it has
the same sign and about the same size in all of them (Student's t test over images). Images that
show the same field, as those of a time series or a focus series, count as one.

Specimens that lie in the middle of every image are taken for a lamp that does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

FloatImage = NDArray[np.float32]
FloatArray = NDArray[np.float64]

_POWERS = ((0, 1), (1, 0), (0, 2), (1, 1), (2, 0))
"""Powers of row and column of the terms beside the mean."""
_CHANCE = 0.001
"""How seldom a term is believed that is there by chance."""
_TOLD = 0.2
"""Terms of this size, relative to the mean, must be told; else nothing is said of the light."""
_SLIGHT = 0.1
"""A change of the light by less, from its brightest to its darkest place, is left alone."""
_SAME_FIELD = 0.3
"""Images that correlate by more, without their polynomials, show the same field."""
_FEWEST = 3
_FINEST = 64
"""Rows and columns that are fitted; larger images are averaged, since the pattern is slow."""
_DARKEST = 0.1
"""No place is told to get less of the mean light."""


@dataclass(frozen=True, eq=False)
class LightChange:
    """The light of a set and that of another; both None where it need not be changed.

    Parameters
    ----------
    before, after
        Shape (6,) each, as `light_pattern` returns them.
    """

    before: FloatArray | None = None
    after: FloatArray | None = None


def light_change(source: Sequence[FloatImage], target: Sequence[FloatImage]) -> LightChange:
    """Compare the light of two sets.

    Parameters
    ----------
    source, target
        Images of each, as in `light_pattern`.

    Returns
    -------
    LightChange
        Both patterns; none where one of them cannot be told, or where they hardly differ.
    """
    before, after = light_pattern(source), light_pattern(target)
    if before is None or after is None:
        return LightChange()
    shape = (_FINEST, _FINEST)
    change = light_at(after, shape) / light_at(before, shape)
    return LightChange(before, after) if np.ptp(change) >= _SLIGHT else LightChange()


def light_pattern(images: Sequence[FloatImage]) -> FloatArray | None:
    """Return how much light each place gets, relative to the mean of a field.

    Parameters
    ----------
    images
        Shape (H, W) each, where 0 means no light. Those of the commonest size that are not black
        are looked at.

    Returns
    -------
    numpy.ndarray or None
        Shape (6,): 1, then the factors of x, y, x², xy and y², each from -1 to 1 over the image and
        less its mean; 0 where a term is not believed. None where too few or too different images
        leave open whether there is a pattern.
    """
    sizes = Counter(image.shape for image in images)
    chosen = [image for image in images if image.shape == sizes.most_common(1)[0][0]]
    means = np.array([image.mean(dtype=np.float64) for image in chosen])
    lit = np.flatnonzero(means > 0)
    if len(lit) < _FEWEST:
        return None
    rows, columns = (_averaged(_places(side), 0) for side in chosen[0].shape)
    terms = np.stack([np.ones((len(rows), len(columns))), *_terms(rows, columns)])
    flat = terms.reshape(len(terms), -1)
    seen = np.stack([_averaged(_averaged(chosen[i], 0), 1).ravel() / means[i] for i in lit])
    found = seen @ np.linalg.pinv(flat)
    parts = _by_field(found[:, 1:], seen - found @ flat)
    if len(parts) < _FEWEST:
        return None
    error = stats.sem(parts, axis=0)
    limit = stats.t.ppf(1 - _CHANCE / 2, len(parts) - 1) * error
    if (limit > _TOLD).any():
        return None
    size = parts.mean(axis=0)
    return np.concatenate([[1.0], np.where(np.abs(size) > limit, size, 0.0)])


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
        Shape (H, W), mean 1 unless places were raised to 0.1.
    """
    rows, columns = (_places(side) for side in shape)
    light = np.full(shape, pattern[0], dtype=np.float32)
    for factor, term in zip(pattern[1:], _terms(rows, columns), strict=True):
        light += factor * term
    return np.maximum(light, np.float32(_DARKEST))


def _by_field(parts: FloatArray, rests: FloatArray) -> FloatArray:
    """Return the mean parts of images of the same field, which their rests tell, shape (F, 5)."""
    rests = rests - rests.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rests, axis=1, keepdims=True)
    # What shows nothing but the polynomial is nothing but the lamp, and a field of its own.
    rests = np.divide(rests, norms, out=np.zeros_like(rests), where=norms > 0)
    number, fields = sparse.csgraph.connected_components(rests @ rests.T > _SAME_FIELD)
    return np.stack([parts[fields == field].mean(axis=0) for field in range(number)])


def _terms(rows: FloatArray, columns: FloatArray) -> Iterator[FloatImage]:
    """Give the powers of the place less their means, shape (H, W) each."""
    for down, right in _POWERS:
        term = np.multiply.outer(rows**down, columns**right)
        yield np.asarray(term - term.mean(), dtype=np.float32)


def _places(side: int) -> FloatArray:
    return np.linspace(-1, 1, side)


def _averaged(values: NDArray[np.floating], axis: int) -> FloatArray:
    """Return means of neighbours along an axis, so that no more than 64 are left."""
    side = values.shape[axis]
    first = np.linspace(0, side, min(side, _FINEST), endpoint=False).astype(int)
    sums = np.add.reduceat(values, first, axis=axis, dtype=np.float64)
    numbers = np.expand_dims(np.diff(first, append=side), [1 - axis][: values.ndim - 1])
    return np.asarray(sums / numbers)
