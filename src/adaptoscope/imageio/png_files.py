"""PNG in and out: 8- and 16-bit, nothing converted on the way."""

from __future__ import annotations

import struct
import zlib
from math import prod
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.pixel_size import PixelSize, from_resolution
from adaptoscope.imageio.stored_planes import PNG_SIGNATURE, ImageHeader, StoredPlanes, check_size

# Signature and IHDR; values per pixel by colour type (PNG specification, 11.2).
_HEADER_BYTES = 33
_COMPONENTS = {0: 1, 2: 3, 4: 2, 6: 4}
# Deflate packs at most 1032 bytes into one; noise of a camera, hardly two. What is so small and
# unpacks to so much is blank or was made to fill the memory.
_LARGEST_RATIO = 200
_LARGE_BYTES = 256 * 2**20


def read_png_header(path: Path) -> ImageHeader:
    """Read the size of a PNG from its first 33 bytes."""
    with path.open("rb") as file:
        return _parse_header(path, file.read(_HEADER_BYTES))


def read_png(path: Path, *, max_pixels: int | None = None, labels: bool = False) -> StoredPlanes:
    """Read all channels of a PNG: axes YX or YXS, uint8 or uint16.

    `max_pixels` is the most pixels of a plane, in place of the usual limit on its sides.
    """
    data = path.read_bytes()
    header = _parse_header(path, data[:_HEADER_BYTES], max_pixels)
    # The decoder makes a transparent colour a channel of its own.
    channels = header.channels + (_entry(data, b"tRNS") is not None)
    shape = (header.height, header.width) + ((channels,) if channels > 1 else ())
    kind = np.uint8 if header.bit_depth == 8 else np.uint16
    _refuse_bomb(path, prod(shape) * np.dtype(kind).itemsize, len(data))
    values: NDArray[Any] = np.zeros(0, dtype=kind)
    try:
        values = np.empty(shape, dtype=kind)
        imagecodecs.png_decode(data, out=values)
    except (imagecodecs.PngError, ValueError, RuntimeError, MemoryError) as error:
        # A decoder that fails never lets go of the array, so it is emptied.
        values.resize(0, refcheck=False)
        raise InputError(
            f"The image {path} cannot be decoded.",
            expected="a complete PNG file",
            found=f"a file of {len(data)} bytes: {error or type(error).__name__}",
            remedy="copy the file again from where it came, or leave it out",
        ) from error
    return StoredPlanes(values, "YX" if values.ndim == 2 else "YXS", _pixel_size(data))


def _refuse_bomb(path: Path, decoded: int, stored: int) -> None:
    if decoded > _LARGE_BYTES and decoded > _LARGEST_RATIO * stored:
        raise InputError(
            f"The image {path} would fill the memory and show next to nothing.",
            expected=f"at most {_LARGEST_RATIO} bytes of pixels for each byte of a large file",
            found=f"{decoded / 2**20:.0f} MiB of pixels in a file of {stored} bytes",
            remedy="leave it out; if it is an image of yours, save it as tiled TIFF",
        )


def encode_png(
    stored: NDArray[np.uint8] | NDArray[np.uint16], pixel_size_um: float | None
) -> bytes:
    """Encode one channel without loss; the same pixels give the same bytes.

    The pixel size is written as whole pixels per metre; None leaves it out.
    """
    data: bytes = bytes(imagecodecs.png_encode(np.ascontiguousarray(stored)))
    if pixel_size_um is None:
        return data
    per_metre = round(1e6 / pixel_size_um)
    body = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:_HEADER_BYTES] + chunk + data[_HEADER_BYTES:]


def _parse_header(path: Path, data: bytes, max_pixels: int | None = None) -> ImageHeader:
    if len(data) < _HEADER_BYTES or data[:8] != PNG_SIGNATURE or data[12:16] != b"IHDR":
        raise InputError(
            f"The image {path} is not a complete PNG file.",
            expected="a PNG header of 33 bytes",
            found=f"{len(data)} bytes that are not one",
            remedy="copy the file again from where it came, or leave it out",
        )
    width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
    if bits not in (8, 16) or colour not in _COMPONENTS:
        raise InputError(
            f"The image {path} is of a kind of PNG that holds no intensities.",
            expected="8 or 16 bits per channel, without a colour table",
            found="a colour table" if colour == 3 else f"{bits} bits per channel",
            remedy="export it again from the microscope's software as 8- or 16-bit greyscale",
        )
    components = _COMPONENTS[colour]
    stored_bytes = height * width * components * bits // 8
    check_size(path, height, width, stored_bytes, max_pixels=max_pixels)
    return ImageHeader(height, width, bits, components)


def _pixel_size(data: bytes) -> PixelSize:
    body = _entry(data, b"pHYs")
    if body is None or len(body) != 9:
        return PixelSize()
    across, down, unit = struct.unpack(">IIB", body)
    if unit != 1 or not across or not down:
        return PixelSize()
    return from_resolution(1e6 / down, 1e6 / across, "pHYs", from_camera=False)


def _entry(data: bytes, wanted: bytes) -> bytes | None:
    """Return an entry that stands between the header and the first pixels; None without it."""
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if kind == b"IDAT":
            break
        if kind == wanted:
            return data[position + 8 : position + 8 + length]
        position += length + 12
    return None
