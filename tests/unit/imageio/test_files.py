import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import (
    hash_pixels,
    list_images,
    read_header,
    read_image,
    read_mask,
    write_image,
    write_mask,
)

NAMES = ["a.png", "a.tif", "a.ome.tif"]
QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STORED = st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda kind: npst.arrays(kind, npst.array_shapes(min_dims=2, max_dims=2, max_side=9))
)


@pytest.fixture
def field():
    """Twelve by ten pixels: small, not square, and all counts different."""
    return np.arange(120, dtype=np.uint16).reshape(12, 10) * 500


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(stored=STORED)
def test_images_are_rewritten_bit_for_bit(tmp_path, name, stored):
    bits = stored.dtype.itemsize * 8
    largest = 2**bits - 1
    digest = write_image(tmp_path / name, stored / largest, bit_depth=bits)
    image = read_image(tmp_path / name)
    np.testing.assert_array_equal(image.stored, stored)
    assert image.stored.dtype == stored.dtype
    assert image.sha256 == digest == hash_pixels(stored)
    header = read_header(tmp_path / name)
    assert (header.height, header.width, header.bit_depth) == (*stored.shape, bits)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_image_gives_the_same_bytes(tmp_path, field, name):
    for folder in ("one", "two"):
        write_image(tmp_path / folder / name, field / 65535, bit_depth=16, pixel_size_um=0.325)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pixel_size", [0.325, 0.1083, 1.0, 6.5])
def test_pixel_size_is_kept(tmp_path, field, name, pixel_size):
    write_image(tmp_path / name, field / 65535, pixel_size_um=pixel_size)
    assert read_image(tmp_path / name).pixel_size_um == pytest.approx(pixel_size, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_pixel_size_stays_unknown(tmp_path, field, name):
    write_image(tmp_path / name, field / 65535)
    assert read_image(tmp_path / name).pixel_size_um is None


def test_hashes_depend_on_pixels_and_shape_only(field):
    small = (field // 500).astype(np.uint8)
    assert hash_pixels(small) == hash_pixels(small.astype(np.uint16))
    assert hash_pixels(small) == hash_pixels(small.astype(">u2"))
    assert hash_pixels(small) != hash_pixels(small.reshape(10, 12))
    assert hash_pixels(small) != hash_pixels(small + 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file"),
        (b"\xff\xd8\xff\xe0JFIF", "PNG or TIFF"),
        (b"\x89PNG\r\n\x1a\n", "not a complete PNG"),
        (b"II*\x00\x08", "cannot be decoded"),
        (b"II*\x00\x08\x00\x00\x00\x00\x00", "a.img"),
    ],
)
def test_files_that_are_no_image_are_named(tmp_path, content, message):
    path = tmp_path / "a.img"
    path.write_bytes(content)
    for read in (read_image, read_header):
        with pytest.raises(InputError, match=message):
            read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.png"):
        read_image(tmp_path / "nothing.png")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_truncated_files_are_refused(tmp_path, name, share):
    pixels = np.random.default_rng(0).random((40, 50))
    write_image(tmp_path / name, pixels, bit_depth=16)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="expected"):
        read_image(tmp_path / name)


def shape_or_complaint(path):
    try:
        return read_image(path).shape
    except InputError as error:
        return str(error)


@QUICK
@given(position=st.integers(0, 300), value=st.integers(0, 255))
def test_a_damaged_byte_gives_an_image_or_a_readable_error(tmp_path, field, position, value):
    for name in NAMES:
        write_image(tmp_path / name, field / 65535, bit_depth=16)
        damaged = bytearray((tmp_path / name).read_bytes())
        damaged[position % len(damaged)] = value
        (tmp_path / name).write_bytes(damaged)
        outcome = shape_or_complaint(tmp_path / name)
        assert name in outcome if isinstance(outcome, str) else min(outcome) >= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_images_that_are_not_finite_are_refused_both_ways(tmp_path, bad):
    pixels = np.full((4, 4), 0.5, np.float32)
    pixels[1, 1] = bad
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with pytest.raises(InputError, match="NaN or infinite"):
        read_image(tmp_path / "a.tif")
    with pytest.raises(InputError, match="NaN or infinite"):
        write_image(tmp_path / "b.tif", pixels)
    assert not (tmp_path / "b.tif").exists()


def test_floating_point_from_0_to_1_is_brought_to_16_bits(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 0.25], [0.5, 1]], np.float32))
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.stored, [[0, 16384], [32768, 65535]])
    assert image.scale.bit_depth == read_header(tmp_path / "a.tif").bit_depth == 16


def test_floating_point_on_another_scale_is_refused(tmp_path):
    for values, found in (([0, 300.5], "from 0 to 300.5"), ([0, 65536], "65536"), ([-1, 2], "-1")):
        tifffile.imwrite(tmp_path / "a.tif", np.array([values], np.float32))
        with pytest.raises(InputError, match=found):
            read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floating_point_of_whole_numbers_is_read_as_16_bit(tmp_path, kind):
    counts = np.array([[0, 300], [4095, 65535]], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", counts.astype(kind))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").stored, counts)


def test_names_with_other_digits_are_listed(tmp_path):
    for name in ("10²5.png", "10²10.png", "९.png", "2.png"):
        (tmp_path / name).touch()
    assert len(list_images(tmp_path)) == 4


def test_unknown_suffixes_and_shapes_are_refused_on_writing(tmp_path):
    with pytest.raises(InputError, match="suffix"):
        write_image(tmp_path / "a.jpg", np.zeros((3, 3)))
    with pytest.raises(InputError, match="one plane"):
        write_image(tmp_path / "a.png", np.zeros((3, 3, 3)))


def test_masks_keep_their_labels(tmp_path):
    labels = np.array([[0, 1], [300, 65535]])
    write_mask(tmp_path / "a.png", labels)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), labels)


@pytest.mark.parametrize("labels", [np.array([[-1]]), np.array([[65536]]), np.array([[0.5]])])
def test_labels_that_do_not_fit_are_refused(tmp_path, labels):
    with pytest.raises(InputError, match="0 to 65535"):
        write_mask(tmp_path / "a.png", labels)


def test_images_are_listed_in_natural_order(tmp_path):
    for name in ("f10.tif", "f2.TIF", "f1.png", "notes.txt", ".partial-1.png"):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["f1.png", "f2.TIF", "f10.tif"]
