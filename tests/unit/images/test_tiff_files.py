import struct

import numpy as np
import pytest
import tifffile

from adaptoscope.errors import InputError
from adaptoscope.images.files import read_image, write_image

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


def test_hostile_ome_text_is_not_expanded(tmp_path):
    write_image(tmp_path / "a.ome.tif", PIXELS / 255, pixel_size_um=0.5)
    bomb = '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "b">]><OME>&a;</OME>'
    tifffile.tiffcomment(tmp_path / "a.ome.tif", bomb.encode())
    outcome = shape_or_complaint(tmp_path / "a.ome.tif")
    assert outcome == PIXELS.shape or "a.ome.tif" in outcome
