import struct
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_image, write_image


def chunk(kind, body):
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def bomb(height, width, bits=8):
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


@pytest.mark.parametrize("size", [(20_001, 1), (1, 20_001), (2**31 - 1, 2**31 - 1), (0, 5)])
def test_absurd_sizes_are_refused_before_decoding(tmp_path, size):
    (tmp_path / "a.png").write_bytes(bomb(*size))
    with pytest.raises(InputError, match="20000 pixels a side"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["P", "1"])
def test_png_without_intensities_is_refused(tmp_path, mode):
    Image.new(mode, (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="holds no intensities"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("bits", [8, 16])
def test_other_software_reads_what_is_written(tmp_path, bits):
    stored = np.arange(30).reshape(5, 6) * (8 if bits == 8 else 2000)
    path = tmp_path / "a.png"
    write_image(path, stored / (2**bits - 1), bit_depth=bits, pixel_size_um=0.65)
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image), stored)


def test_a_printers_resolution_is_no_pixel_size(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png", dpi=(300, 300))
    assert read_image(tmp_path / "a.png").pixel_size_um is None


def test_16_bit_colour_keeps_its_depth(tmp_path):
    stored = np.arange(60, dtype=np.uint16).reshape(4, 5, 3) * 1000
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stored))
    image = read_image(tmp_path / "a.png", channel=1)
    np.testing.assert_array_equal(image.stored, stored[..., 1])


def test_a_file_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path):
    (tmp_path / "a.png").write_bytes(bomb(19_999, 19_999))
    with pytest.raises(InputError, match="fill the memory") as caught:
        read_image(tmp_path / "a.png")
    assert "381 MiB" in caught.value.found


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_files_that_cannot_be_decoded_take_no_memory(tmp_path):
    stored = np.random.default_rng(0).integers(0, 65536, (1024, 1024)).astype(np.uint16)
    data = bytes(imagecodecs.png_encode(stored))
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    before = 0
    for number in range(40):
        with pytest.raises(InputError, match="cannot be decoded"):
            read_image(tmp_path / "a.png")
        before = before or (resident() if number == 5 else 0)
    # A leak of each would be 70 MB.
    assert resident() - before < 20_000_000


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_kind_is_decoded_into_its_own_shape(tmp_path, mode):
    Image.new(mode, (4, 3), 7 if mode == "L" else None).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (3, 4)
    if mode in ("L", "RGB"):
        clear = 3 if mode == "L" else (0, 0, 0)
        Image.new(mode, (4, 3)).save(tmp_path / "a.png", transparency=clear)
        assert read_image(tmp_path / "a.png").shape == (3, 4)
