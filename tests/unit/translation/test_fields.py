from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_image
from adaptoscope.translation.fields import (
    Field,
    fields_of_images,
    hash_of,
    read_fields,
    stains_of,
    unit_of,
    unit_to_16_bit,
)


def test_shares_are_those_of_the_depth_in_which_counts_are_stored() -> None:
    assert unit_of(np.array([0, 51, 255], np.uint8)) == pytest.approx([0, 0.2, 1])
    assert unit_of(np.array([0, 13107, 65535], np.uint16)) == pytest.approx([0, 0.2, 1])


def test_8_bit_counts_become_16_bit_counts_of_the_same_share() -> None:
    eight = np.arange(256, dtype=np.uint8)
    sixteen = unit_to_16_bit(eight)
    assert sixteen.dtype == np.uint16
    np.testing.assert_array_equal(unit_of(sixteen), unit_of(eight))
    assert unit_to_16_bit(sixteen) is sixteen


def test_stains_come_in_the_order_that_is_asked_for(squares: PairedStainSet) -> None:
    assert stains_of(squares) == ["body", "edge"]
    usual, other = read_fields(squares)[0], read_fields(squares, ["edge", "body"])[0]
    np.testing.assert_array_equal(other.truth, usual.truth[::-1])
    assert [record.stain for record in other.records] == ["edge", "body"]
    assert hash_of(other) == hash_of(usual) != hash_of(read_fields(squares)[1])


def test_a_folder_of_plain_images_has_fields_without_stains(tmp_path: Path) -> None:
    pixels = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    write_image(tmp_path / "a.tif", pixels, bit_depth=8, pixel_size_um=0.5)
    (field,) = fields_of_images(open_counted_images(tmp_path))
    assert (field.bit_depth, field.shape, field.pixel_size_um) == (8, (3, 4), 0.5)
    np.testing.assert_allclose(field.pixels, pixels, atol=1 / 255)
    assert field.stains is None
    assert field.records == ()


def test_images_of_two_depths_are_refused(tmp_path: Path) -> None:
    for name, depth in (("a.tif", 8), ("b.tif", 16)):
        write_image(tmp_path / name, np.full((3, 4), 0.5, np.float32), bit_depth=depth)
    with pytest.raises(InputError, match="not of one bit depth"):
        fields_of_images(open_counted_images(tmp_path))


def test_truth_that_was_not_read_is_no_black_image() -> None:
    with pytest.raises(ValueError, match="stains of a were not read"):
        _ = Field("a", np.zeros((2, 2), np.uint8), None, 8, ()).truth
