import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.images.tiling import blending_weights, tile_spans


@given(st.integers(1, 60), st.integers(2, 8))
def test_spans_cover_the_line_and_overlap(length: int, side: int) -> None:
    length, side, step = 4 * length, 4 * side, 4
    spans = tile_spans(length, side, -(-side // 4), step)
    assert (spans[0][0], spans[-1][1]) == (0, length)
    assert all(last - first == min(side, length) for first, last in spans)
    assert all(first % step == 0 for first, _ in spans)
    for (_, before), (after, _) in itertools.pairwise(spans):
        assert before - after >= min(side // 4, side - step)


@pytest.mark.parametrize("first", [0.5, 1.0])
def test_weights_fall_only_where_another_span_follows(first: float) -> None:
    begin, middle, end = (blending_weights(s, 24, 4, first) for s in ((0, 12), (6, 18), (12, 24)))
    fall = np.minimum((np.arange(4) + first) / 4, 1).astype(np.float32)
    np.testing.assert_array_equal(begin[-4:], fall[::-1])
    np.testing.assert_array_equal(begin[:8], 1)
    np.testing.assert_array_equal(middle, middle[::-1])
    np.testing.assert_array_equal(middle[:4], fall)
    np.testing.assert_array_equal(end, begin[::-1])
