"""One channel of one field of view, as every stage sees it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.imageio.pixel_size import PixelSize

# Rows that are hashed at a time, so that no second copy of a large image is made.
_ROWS = 256


@dataclass(frozen=True)
class MicroscopyImage:
    """One channel of one field of view.

    Attributes
    ----------
    pixels
        Shape (H, W), float32 in [0, 1] of the full stored range.
    scale
        How `pixels` map to stored counts.
    pixel_size_um
        Edge of a pixel in micrometres, or None where the file does not tell; of pixels that are
        not square, that of square ones of the same area.
    sha256
        Hash of the decoded pixels, as `hash_pixels` gives it.
    channel
        Channel that was chosen, or None where the file has only one.
    pixel_size_remark
        What a person has to know of the pixel size, as `PixelSize` says it; empty mostly.
    """

    name: str
    pixels: NDArray[np.float32]
    scale: IntensityScale
    pixel_size_um: float | None
    sha256: str
    channel: int | None
    pixel_size_remark: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def stored(self) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """The counts as stored, shape (H, W)."""
        return self.scale.to_stored(self.pixels)


def hash_pixels(stored: NDArray[np.uint8] | NDArray[np.uint16]) -> str:
    """Hash decoded pixels, shape (H, W), whatever file they came from.

    SHA-256 of the shape and the counts as little-endian 16-bit integers, so that PNG and TIFF
    files, and 8- and 16-bit containers of the same counts, have the same hash.
    """
    digest = hashlib.sha256(np.array(stored.shape, dtype="<u8").tobytes())
    for row in range(0, len(stored), _ROWS):
        digest.update(np.ascontiguousarray(stored[row : row + _ROWS], dtype="<u2").tobytes())
    return digest.hexdigest()


def image_of_counts(
    name: str,
    stored: NDArray[np.uint8] | NDArray[np.uint16],
    pixel_size: PixelSize | float | None,
    *,
    channel: int | None = None,
) -> MicroscopyImage:
    """Return the image that stored counts, shape (H, W), make; sizes are in micrometres."""
    known = pixel_size if isinstance(pixel_size, PixelSize) else PixelSize(pixel_size)
    scale = IntensityScale.full_range(stored.dtype.itemsize * 8)
    return MicroscopyImage(
        name=name,
        pixels=scale.to_unit(stored),
        scale=scale,
        pixel_size_um=known.um,
        pixel_size_remark=known.remark,
        sha256=hash_pixels(stored),
        channel=channel,
    )


def image_of_array(
    array: NDArray[np.generic], *, name: str = "array", pixel_size_um: float | None = None
) -> MicroscopyImage:
    """Return the image that an array in memory makes.

    Parameters
    ----------
    array
        Shape (H, W): uint8 or uint16 counts; or floats, either from 0 to 1 as shares of the stored
        range, or whole numbers up to 65535 as 16-bit counts.
    pixel_size_um
        Edge of a pixel in micrometres, if known.
    """
    given: NDArray[Any] = np.asarray(array)
    _refuse_no_plane(given)
    if given.dtype.kind == "u" and given.dtype.itemsize <= 2:
        stored = given.astype(given.dtype.newbyteorder("="))
        return image_of_counts(name, stored, pixel_size_um)
    if given.dtype.kind != "f":
        raise _unlike_an_image(
            "numbers of this type have no known range",
            found=f"dtype {given.dtype}",
            remedy="convert it: array.astype(numpy.uint16) where it holds counts up to 65535",
        )
    if not np.isfinite(given).all():
        missing = int(given.size - np.isfinite(given).sum())
        raise _unlike_an_image(
            "it holds numbers that are not finite",
            found=f"{missing} of {given.size} pixels are NaN or infinite",
            remedy="replace them, for example with numpy.nan_to_num",
        )
    low, high = float(given.min()), float(given.max())
    if low >= 0 and high <= 1:
        scale = IntensityScale.full_range(16)
        pixels = given.astype(np.float32)
        sha256 = hash_pixels(scale.to_stored(pixels))
        return MicroscopyImage(name, pixels, scale, pixel_size_um, sha256, None)
    # Counts that were read or averaged as floats; as files of such numbers are read.
    if low >= 0 and high <= 65535 and (given == np.round(given)).all():
        return image_of_counts(name, given.astype(np.uint16), pixel_size_um)
    raise _unlike_an_image(
        "floats in this range have no known meaning",
        found=f"values from {low:g} to {high:g}",
        remedy="bring them to [0, 1], for example with (array - array.min()) / numpy.ptp(array)",
    )


def _refuse_no_plane(array: NDArray[np.generic]) -> None:
    if array.ndim == 2 and array.size:
        return
    remedy = "give one channel and one focal plane"
    if array.ndim == 3:
        last = array.shape[-1] in (2, 3, 4)
        chosen = "array[..., 0]" if last else "array[0] or array.max(axis=0)"
        remedy += f", for example {chosen}"
    raise _unlike_an_image("it is not one plane", found=f"shape {array.shape}", remedy=remedy)


def _unlike_an_image(why: str, *, found: str, remedy: str) -> InputError:
    return InputError(
        f"The array cannot be used as an image: {why}.",
        expected="shape (H, W), of uint8, uint16, or floats from 0 to 1",
        found=found,
        remedy=remedy,
    )
