import struct

import numpy as np
import pytest
import tifffile

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_image, read_mask, write_image
from adaptoscope.imageio.large_images import large_image

PIXELS = np.arange(20, dtype=np.uint8).reshape(4, 5)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("um", 0.25), ("micron", 0.25), ("\\u00B5m", 0.25), ("inch", None), ("pixel", None)],
)
def test_imagej_units(tmp_path, unit, expected):
    metadata = {"unit": unit}
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, imagej=True, resolution=(4, 4), metadata=metadata)
    assert read_image(tmp_path / "a.tif").pixel_size_um == expected


@pytest.mark.parametrize(("unit", "expected"), [("nm", 0.5), ("µm", 500.0), ("pixel", None)])
def test_ome_units(tmp_path, unit, expected):
    metadata = {"axes": "YX", "PhysicalSizeX": 500, "PhysicalSizeXUnit": unit}
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, ome=True, metadata=metadata)
    assert read_image(tmp_path / "a.ome.tif").pixel_size_um == expected


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [(20_000, "centimeter", 0.5), (118.11, "centimeter", None), (72, "inch", None)],
)
def test_plain_resolution_counts_only_where_pixels_are_microscopic(
    tmp_path, resolution, unit, expected
):
    tifffile.imwrite(
        tmp_path / "a.tif", PIXELS, resolution=(resolution, resolution), resolutionunit=unit
    )
    assert read_image(tmp_path / "a.tif").pixel_size_um == expected


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", None])
def test_compressed_files_are_read(tmp_path, compression):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, compression=compression)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").stored, PIXELS)


@pytest.mark.parametrize("kind", [np.int16, np.uint32, np.int8, np.complex64])
def test_other_numbers_are_refused(tmp_path, kind):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS.astype(kind))
    with pytest.raises(InputError, match="not supported"):
        read_image(tmp_path / "a.tif")


def test_inverted_files_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, photometric="miniswhite")
    with pytest.raises(InputError, match="min-is-white"):
        read_image(tmp_path / "a.tif")


def shape_or_complaint(path):
    try:
        return read_image(path, z=0).shape
    except InputError as error:
        return str(error)


def with_tag(path, code, value):
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags[code].overwrite(value)


def test_absurd_sizes_are_refused_before_decoding(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, compression="zlib", metadata=None)
    with_tag(tmp_path / "a.tif", 257, 60_000)
    with pytest.raises(InputError, match="20000 pixels a side"):
        read_image(tmp_path / "a.tif")


def test_strips_beyond_the_end_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, compression="zlib", metadata=None)
    with_tag(tmp_path / "a.tif", 273, 10_000_000)
    with pytest.raises(InputError, match=r"a\.tif"):
        read_image(tmp_path / "a.tif")


def test_a_directory_that_points_to_itself_does_not_hang(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    start = struct.unpack("<I", data[4:8])[0]
    number = struct.unpack("<H", data[start : start + 2])[0]
    link = start + 2 + 12 * number
    data[link : link + 4] = struct.pack("<I", start)
    (tmp_path / "a.tif").write_bytes(data)
    assert shape_or_complaint(tmp_path / "a.tif") == PIXELS.shape


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("target", [0, 120])
def test_pages_that_go_round_do_not_hang(tmp_path, big, target):
    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=big) as writer:
        for _ in range(150):
            writer.write(PIXELS, metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        offsets = [page.offset for page in file.pages]
        form, number = file.tiff, len(file.pages[-1].tags)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    link = offsets[-1] + form.tagnosize + number * form.tagsize
    data[link : link + form.offsetsize] = struct.pack(form.offsetformat, offsets[target])
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match="followed by an earlier one"):
        read_image(tmp_path / "a.tif")


def test_hostile_ome_text_is_not_expanded(tmp_path):
    write_image(tmp_path / "a.ome.tif", PIXELS / 255, pixel_size_um=0.5)
    bomb = '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "b">]><OME>&a;</OME>'
    tifffile.tiffcomment(tmp_path / "a.ome.tif", bomb.encode())
    outcome = shape_or_complaint(tmp_path / "a.ome.tif")
    assert outcome == PIXELS.shape or "a.ome.tif" in outcome


FIELD = np.random.default_rng(0).integers(0, 60000, (64, 96)).astype(np.uint16)


def both_ways(path, **choice):
    """Read a file whole, and in parts where that can be done; both are the same."""
    whole = read_image(path, **choice).stored
    with large_image(path, **choice) as parts:
        if parts is not None:
            np.testing.assert_array_equal(parts.parts.read(slice(None), slice(None)), whole)
    return whole


@pytest.mark.parametrize("flag", [0, 1])
@pytest.mark.parametrize(
    "shape", [(16, 24), (16, 24, 3), (32, 48), (21, 32), (16, 16, 3), (32, 20)]
)
@pytest.mark.parametrize("is_first", [False, True])
def test_a_reduced_copy_is_left_aside(tmp_path, flag, shape, is_first):
    small = np.zeros(shape, np.uint8)
    pages = [(FIELD, 0), (small, flag)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for values, kind in reversed(pages) if is_first else pages:
            colour = "rgb" if values.ndim == 3 else "minisblack"
            writer.write(values, subfiletype=kind, photometric=colour, metadata=None)
    np.testing.assert_array_equal(both_ways(tmp_path / "a.tif"), FIELD)


def test_another_image_in_the_file_is_not_left_aside(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(FIELD, metadata=None)
        writer.write(FIELD[:50, :20], metadata=None)
    with pytest.raises(InputError, match="2 images"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiles_that_were_left_out_are_background(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, FIELD, tile=(32, 32), compression=compression, metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages[0].tags
        offsets, counts = list(tags[324].value), list(tags[325].value)
        offsets[4] = counts[4] = 0
        tags[324].overwrite(offsets)
        tags[325].overwrite(counts)
    expected = FIELD.copy()
    expected[32:, 32:64] = 0
    np.testing.assert_array_equal(both_ways(path), expected)


@pytest.mark.parametrize("keep_offsets", [True, False])
def test_a_file_of_empty_tiles_only_is_damaged(tmp_path, keep_offsets):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, FIELD, tile=(32, 32), compression="zlib", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages[0].tags
        tags[325].overwrite([0] * 6)
        if not keep_offsets:
            tags[324].overwrite([0] * 6)
    with pytest.raises(InputError, match="cut short"):
        read_image(path)


def palette(path, colours, values, **options):
    tifffile.imwrite(
        path, values, photometric="palette", colormap=np.asarray(colours, np.uint16), **options
    )
    return path


RISING = np.arange(256, dtype=np.uint16) * 257
INDICES = np.random.default_rng(1).integers(0, 256, (20, 30)).astype(np.uint8)


@pytest.mark.parametrize("step", [256, 257])
@pytest.mark.parametrize("order", ["shuffled", "falling", "rising"])
def test_a_table_of_greys_gives_the_greys(tmp_path, step, order):
    greys = np.arange(256)
    if order != "rising":
        greys = np.random.default_rng(2).permutation(256) if order == "shuffled" else greys[::-1]
    path = palette(tmp_path / "a.tif", [greys * step] * 3, INDICES)
    np.testing.assert_array_equal(both_ways(path), greys[INDICES])
    np.testing.assert_array_equal(read_mask(path), INDICES)


@pytest.mark.parametrize("colour", [(0, 0, 1), (1, 0.5, 0), (0, 1, 1)])
def test_a_display_colour_is_no_obstacle(tmp_path, colour):
    table = [RISING * share for share in colour]
    np.testing.assert_array_equal(both_ways(palette(tmp_path / "a.tif", table, INDICES)), INDICES)


def test_a_table_in_no_order_is_refused_for_images_and_not_for_labels(tmp_path):
    colours = np.random.default_rng(3).integers(0, 65536, (3, 256))
    path = palette(tmp_path / "a.tif", colours, INDICES)
    with pytest.raises(InputError, match="colour table"):
        read_image(path)
    with pytest.raises(InputError, match="colour table"), large_image(path):
        pass
    np.testing.assert_array_equal(read_mask(path), INDICES)


@pytest.mark.parametrize("words", [
    "ImageJ=1.53\nimages=1000000000\nslices=1000000000\n",
    "ImageJ=1.53\nimages=20000\nframes=20000\n",
    '{"shape": [1000000000, 20, 30]}',
])  # fmt: skip
def test_a_page_number_in_words_does_not_hang(tmp_path, words):
    tifffile.imwrite(tmp_path / "a.tif", INDICES, description=words, metadata=None)
    assert shape_or_complaint(tmp_path / "a.tif")


def test_a_stack_of_imagej_in_one_page_is_read(tmp_path):
    stack = np.stack([FIELD, FIELD // 2, FIELD // 3])
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(both_ways(tmp_path / "a.tif", z=2), FIELD // 3)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "b.tif").write_bytes(data[: len(data) - FIELD.nbytes])
    with pytest.raises(InputError, match=r"b\.tif"):
        read_image(tmp_path / "b.tif", z=0)
