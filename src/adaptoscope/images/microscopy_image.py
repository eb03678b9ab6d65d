"""One channel of one field of view, as every stage sees it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.intensity import IntensityScale
from adaptoscope.images.pixel_size import PixelSize

# Rows that are hashed at a time, so that no second copy of a large image is made.
_ROWS = 256


@dataclass(frozen=True)
class MicroscopyImage:
    """One channel of one field of view.

    Parameters
    ----------
    name
        Base name of the file.
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
    """Hash decoded pixels, whatever file they came from.

    Parameters
    ----------
    stored
        Shape (H, W), stored counts.

    Returns
    -------
    str
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
    """Return the image that stored counts make.

    Parameters
    ----------
    name
        Base name of the file.
    stored
        Shape (H, W), stored counts.
    pixel_size
        What is told of the size of its pixels, or their edge in micrometres alone.
    channel
        Channel that was chosen, or None where the file has only one.
    """
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
