import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_image, write_image
from adaptoscope.imageio.microscopy_image import image_of_array

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 5))


@given(arrays.arrays(st.sampled_from([np.uint8, np.uint16, np.dtype(">u2")]), SHAPES))
def test_counts_are_shares_of_their_range(array: NDArray[np.unsignedinteger]) -> None:
    image = image_of_array(array)
    assert image.scale.bit_depth == 8 * array.dtype.itemsize
    assert image.pixels.dtype == np.float32
    assert image.shape == array.shape
    np.testing.assert_array_equal(image.stored, array)


@given(arrays.arrays(np.float64, SHAPES, elements=st.floats(0, 1)))
def test_floats_up_to_1_are_shares_already(array: NDArray[np.float64]) -> None:
    image = image_of_array(array, pixel_size_um=0.5)
    np.testing.assert_array_equal(image.pixels, array.astype(np.float32))
    assert image.pixel_size_um == 0.5


def test_whole_floats_above_1_are_16_bit_counts() -> None:
    counts = np.array([[0, 300], [4095, 65535]])
    image = image_of_array(counts.astype(np.float32))
    assert image.sha256 == image_of_array(counts.astype(np.uint16)).sha256


def test_an_array_is_the_image_that_its_file_holds(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 65536, (7, 5), dtype=np.uint16)
    write_image(tmp_path / "a.tif", stored / 65535, bit_depth=16)
    from_file, from_array = read_image(tmp_path / "a.tif"), image_of_array(stored)
    assert from_file.sha256 == from_array.sha256
    np.testing.assert_array_equal(from_file.pixels, from_array.pixels)


@pytest.mark.parametrize(
    ("array", "found", "remedy"),
    [
        (np.zeros((4, 5, 3), np.uint8), r"shape \(4, 5, 3\)", r"array\[\.\.\., 0\]"),
        (np.zeros((9, 4, 5), np.uint8), r"shape \(9, 4, 5\)", r"array\.max\(axis=0\)"),
        (np.zeros(4), r"shape \(4,\)", "one channel"),
        (np.zeros((0, 4)), r"shape \(0, 4\)", "one channel"),
        (np.zeros((2, 2), np.int64), "dtype int64", "astype"),
        (np.zeros((2, 2), bool), "dtype bool", "astype"),
        (np.array([["a"]]), "dtype <U1", "astype"),
        (np.array([[0.5, np.nan]]), "1 of 2 pixels", "nan_to_num"),
        (np.array([[0.5, np.inf]]), "1 of 2 pixels", "nan_to_num"),
        (np.array([[-0.1, 0.5]]), "from -0.1 to 0.5", r"\[0, 1\]"),
        (np.array([[0.5, 2.0]]), "from 0.5 to 2", r"\[0, 1\]"),
        (np.array([[0.0, 65536.0]]), "from 0 to 65536", r"\[0, 1\]"),
    ],
)
def test_what_is_no_image_is_refused(array: NDArray[np.generic], found: str, remedy: str) -> None:
    with pytest.raises(InputError, match="cannot be used as an image") as refusal:
        image_of_array(array)
    assert re.search(found, refusal.value.found)
    assert re.search(remedy, refusal.value.remedy)
