"""Overlapping tiles of an image that is worked on in parts, and the weights that blend them."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
"""First place along a side, and the one after the last."""


def tile_spans(length: int, tile: int, overlap: int, step: int = 1) -> list[Span]:
    """Divide a side into spans of one length that overlap at least so far, as evenly as may be.

    `length` and `tile` are multiples of `step`. The only span of a side shorter than `tile` is the
    whole of it. Where `step` is too coarse for the overlap, neighbours lie one step apart.
    """
    if length <= tile:
        return [(0, length)]
    reach = max(tile - overlap, 1)
    number = -(-(length - tile) // reach) + 1
    while True:
        stride = (length - tile) / (number - 1)
        starts = [round(index * stride / step) * step for index in range(number)]
        if max(after - before for before, after in pairwise(starts)) <= max(reach, step):
            return [(start, start + tile) for start in starts]
        number += 1


def blending_weights(
    span: Span, length: int, overlap: float, first: float = 1.0
) -> NDArray[np.float32]:
    """Return weights along a span: 1 in the middle, falling where another span follows.

    `first` is the weight of the outermost place, in steps: 1, or a half where places are centres of
    pixels.
    """
    places = np.arange(span[1] - span[0], dtype=np.float64) + first
    flat = np.ones_like(places)
    rise = flat if span[0] == 0 else places / overlap
    fall = flat if span[1] == length else places[::-1] / overlap
    return np.minimum(np.minimum(rise, fall), 1).astype(np.float32)
