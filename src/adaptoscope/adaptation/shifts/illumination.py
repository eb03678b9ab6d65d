"""Uneven light: the slow pattern that all images of a microscope share, told from the images.

Cells are brighter here and darker there in one image, but not at the same place of every image;
a lamp is. So each image is fitted by a polynomial of the place, and the light of two sets differs
in the terms that differ more than they do from image to image (Welch's t test). Images that show
the same field, as those of a time series or a focus series, count as one.

Specimens that lie in the middle of every image of one set are taken for a lamp that does.
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
"""How seldom a term is said to differ that differs by chance."""
_SLIGHT = 0.1
"""A change of the light by less, from its brightest to its darkest place, is left alone."""
_SAME_FIELD = 0.3
"""Images that correlate by more, without their polynomials, show the same field."""
# Fewer fields cannot tell a lamp from what lies in them; below this a term is rounding.
_FEWEST = 3
_NOTHING = 1e-6
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
        Shape (6,) each: 1, then the factors of x, y, x², xy and y², each from -1 to 1 over the
        image and less its mean; 0 where both sets are not told to differ.
    """

    before: FloatArray | None = None
    after: FloatArray | None = None


def light_change(source: Sequence[FloatImage], target: Sequence[FloatImage]) -> LightChange:
    """Compare the light of two sets of images (H, W), where 0 means no light.

    Those of the commonest size of each set that are not black are looked at. Nothing where fewer
    than three fields of either set are seen, or where the light hardly differs or is not told to.
    """
    parts = [_parts_by_field(images) for images in (source, target)]
    if min(map(len, parts)) < _FEWEST:
        return LightChange()
    differ = stats.ttest_ind(*parts, equal_var=False).pvalue < _CHANCE
    before, after = (np.append(1.0, np.where(differ, each.mean(axis=0), 0.0)) for each in parts)
    shape = (_FINEST, _FINEST)
    change = light_at(after, shape) / light_at(before, shape)
    return LightChange(before, after) if np.ptp(change) >= _SLIGHT else LightChange()


def light_at(pattern: FloatArray, shape: tuple[int, ...]) -> FloatImage:
    """Return a pattern of a `LightChange` as an image: mean 1 unless places were raised to 0.1."""
    rows, columns = (_places(side) for side in shape)
    light = np.full(shape, pattern[0], dtype=np.float32)
    for factor, term in zip(pattern[1:], _terms(rows, columns), strict=True):
        light += factor * term
    return np.maximum(light, np.float32(_DARKEST))


def light_gradient(shape: tuple[int, int], strength: float, angle: float = 0.0) -> FloatImage:
    """Return the factors of a lamp that shines unevenly, shape (H, W), mean 1.

    They go from 1 - strength / 2 to 1 + strength / 2 in a straight line, between the two outermost
    corners or borders; `angle` is towards the brightest place, in degrees: 0 is right, 90 is up.
    """
    turned = np.deg2rad(angle)
    rows, columns = ((np.arange(side) - (side - 1) / 2) for side in shape)
    along = columns[None, :] * np.cos(turned) - rows[:, None] * np.sin(turned)
    extent = float(np.ptp(along))
    ramp = along / extent if extent > 0 else np.zeros(shape)
    return (1 + strength * ramp).astype(np.float32)


def _parts_by_field(images: Sequence[FloatImage]) -> FloatArray:
    """Return the factors of every field, relative to its mean, shape (F, 5)."""
    lit = [image for image in images if image.any()]
    if not lit:
        return np.empty((0, len(_POWERS)))
    size = Counter(image.shape for image in lit).most_common(1)[0][0]
    rows, columns = (_average(_places(side), 0) for side in size)
    terms = np.stack([np.ones((len(rows), len(columns))), *_terms(rows, columns)])
    flat = terms.reshape(len(terms), -1)
    seen = np.stack(
        [_average(_average(image, 0), 1).ravel() for image in lit if image.shape == size]
    )
    seen /= seen.mean(axis=1, keepdims=True)
    found = seen @ np.linalg.pinv(flat)
    rests = seen - found @ flat
    rests -= rests.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rests, axis=1, keepdims=True)
    # What shows nothing but the polynomial is nothing but the lamp, and a field of its own.
    rests = np.divide(rests, norms, out=np.zeros_like(rests), where=norms > _NOTHING)
    number, fields = sparse.csgraph.connected_components(rests @ rests.T > _SAME_FIELD)
    return np.stack([found[fields == field, 1:].mean(axis=0) for field in range(number)])


def _terms(rows: FloatArray, columns: FloatArray) -> Iterator[FloatImage]:
    """Give the powers of the place less their means, shape (H, W) each."""
    for down, right in _POWERS:
        term = np.multiply.outer(rows**down, columns**right)
        yield np.asarray(term - term.mean(), dtype=np.float32)


def _places(side: int) -> FloatArray:
    return np.linspace(-1, 1, side)


def _average(values: NDArray[np.floating], axis: int) -> FloatArray:
    """Return means of neighbours along an axis, so that no more than 64 are left."""
    side = values.shape[axis]
    first = np.linspace(0, side, min(side, _FINEST), endpoint=False).astype(int)
    sums = np.add.reduceat(values, first, axis=axis, dtype=np.float64)
    numbers = np.expand_dims(np.diff(first, append=side), [1 - axis][: values.ndim - 1])
    return np.asarray(sums / numbers)
