import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from adaptoscope.images.medians import median

SHAPES = array_shapes(max_dims=2, max_side=40)


@pytest.mark.parametrize(("kind", "width"), [(np.float32, 32), (np.float64, 64)])
@given(data=st.data())
def test_the_median_is_that_of_numpy(kind, width, data):
    numbers = st.floats(-1000, 1000, width=width)
    values = data.draw(arrays(kind, SHAPES, elements=numbers))

    assert median(values) == np.median(values)
    assert median(values).dtype == np.median(values).dtype


@pytest.mark.parametrize("size", [100_000, 100_001])
def test_the_median_of_many_pixels_is_that_of_numpy(size):
    values = np.random.default_rng(0).integers(0, 300, size).astype(np.float32) / 65535
    before = values.copy()

    assert median(values) == np.median(values)
    np.testing.assert_array_equal(values, before)
