"""Images in and out without loss; every file is written whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.atomic_files import (
    atomic_path,
    is_occupied,
    remove_partial_files,
    write_json,
    write_text,
)
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.imageio.microscopy_image import MicroscopyImage, hash_pixels, image_of_counts
from adaptoscope.imageio.readers import file_suffixes, reader_of
from adaptoscope.imageio.stored_planes import (
    ImageHeader,
    as_counts,
    grey_sample,
    select_plane,
)

__all__ = [
    "ImageHeader",
    "MicroscopyImage",
    "atomic_path",
    "hash_pixels",
    "is_occupied",
    "list_images",
    "read_header",
    "read_image",
    "read_mask",
    "remove_partial_files",
    "write_image",
    "write_json",
    "write_mask",
    "write_text",
]

_WRITTEN = (".png", ".tif", ".tiff")


def list_images(folder: Path, suffixes: Collection[str] | None = None) -> list[Path]:
    """List the image files of a folder, ``img2`` before ``img10``, without hidden ones.

    By default those whose names end in lower or upper case as those of any kind of image file do.
    """
    ends = file_suffixes() if suffixes is None else suffixes
    found = [
        entry
        for entry in Path(folder).iterdir()
        if entry.suffix.lower() in ends and not entry.name.startswith(".")
    ]
    return sorted(found, key=lambda entry: (_natural_key(entry.name), entry.name))


def read_header(path: Path) -> ImageHeader:
    """Read size, bit depth and channels of an image file without decoding it."""
    return reader_of(Path(path)).read_header(Path(path))


def read_image(
    path: Path,
    *,
    channel: int | None = None,
    z: int | Literal["max"] | None = None,
    max_pixels: int | None = None,
) -> MicroscopyImage:
    """Read one channel of one plane.

    Parameters
    ----------
    path
        A PNG or TIFF file: 8- or 16-bit, or a TIFF of floating-point values from 0 to 1 or of
        whole numbers up to 65535, which is brought to the 16-bit scale.
    channel
        Index of the channel, from 0; needed where the file has several, never guessed. A colour
        image whose colours are equal, or all but one empty, has only one.
    z
        Index of the focal plane, from 0, or ``"max"`` for the brightest value along the stack;
        needed where the file has several, never guessed.
    max_pixels
        Most pixels of a plane, in place of the usual limit on its sides.

    Returns
    -------
    MicroscopyImage
        Pixels in [0, 1] of the full stored range.

    Raises
    ------
    InputError
        If the file is missing, damaged, absurdly large, of an unsupported kind, or holds several
        channels or planes and no choice was made.
    """
    path = Path(path)
    planes = reader_of(path).read_planes(path, max_pixels=max_pixels, labels=False)
    if channel is None:
        channel = grey_sample(planes)
    stored = as_counts(select_plane(planes, path, channel=channel, z=z), path)
    several = any(letter in "CS" for letter in planes.axes)
    return image_of_counts(
        path.name, stored, planes.pixel_size, channel=channel if several else None
    )


def write_image(
    path: Path,
    pixels_unit: NDArray[np.floating],
    *,
    bit_depth: int = 8,
    pixel_size_um: float | None = None,
) -> str:
    """Write one channel without loss, and return the `hash_pixels` of what was written.

    Parameters
    ----------
    path
        ``.png``, ``.tif`` or ``.tiff`` (ImageJ metadata), ``.ome.tif`` or ``.ome.tiff`` (OME).
    pixels_unit
        Shape (H, W); 0 and 1 are the ends of the stored range, values beyond are clipped.
    bit_depth
        8 or 16.
    pixel_size_um
        Edge of a pixel in micrometres; None leaves it out.
    """
    path = Path(path)
    if pixels_unit.ndim != 2 or pixels_unit.size == 0 or not np.isfinite(pixels_unit).all():
        raise InputError(
            f"The image {path} cannot be written.",
            expected="one plane of finite values",
            found=f"shape {pixels_unit.shape}"
            + ("" if np.isfinite(pixels_unit).all() else ", with values that are NaN or infinite"),
            remedy="leave this image out; if you did not make its values, please report this",
        )
    stored = IntensityScale.full_range(bit_depth).to_stored(pixels_unit)
    _write_stored(path, stored, pixel_size_um)
    return hash_pixels(stored)


def read_mask(path: Path) -> NDArray[np.uint16]:
    """Read a label image: shape (H, W), uint16; 0 is background and every other value one cell."""
    path = Path(path)
    planes = reader_of(path).read_planes(path, max_pixels=None, labels=True)
    labels = select_plane(planes, path)
    if labels.dtype.kind != "u":
        raise InputError(
            f"The mask {path} does not hold labels.",
            expected="8- or 16-bit integers, 0 for background and one number per cell",
            found=str(labels.dtype),
            remedy="save the label image as 16-bit integers",
        )
    return labels.astype(np.uint16)


def write_mask(path: Path, labels: NDArray[np.integer]) -> None:
    """Write a label image, shape (H, W) of integers from 0 to 65535, as 16-bit PNG."""
    good = labels.ndim == 2 and labels.size > 0 and labels.dtype.kind in "iub"
    if not good or int(labels.min()) < 0 or int(labels.max()) > 65535:
        raise InputError(
            f"The mask {path} cannot be written.",
            expected="one plane of integers from 0 to 65535",
            found=f"{labels.dtype} of shape {labels.shape}",
            remedy="number the cells of each image from 1",
        )
    _write_stored(Path(path), labels.astype(np.uint16), None)


def _natural_key(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", name)
    # A superscript two is a digit, but no number.
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _write_stored(
    path: Path, stored: NDArray[np.uint8] | NDArray[np.uint16], pixel_size_um: float | None
) -> None:
    suffix = path.suffix.lower()
    if suffix not in _WRITTEN:
        raise InputError(
            f"The image {path} cannot be written under this name.",
            expected=" or ".join(_WRITTEN),
            found=suffix or "no suffix",
            remedy="give the file one of these suffixes",
        )
    with atomic_path(path) as temporary:
        if suffix == ".png":
            from adaptoscope.imageio.png_files import encode_png

            temporary.write_bytes(encode_png(stored, pixel_size_um))
        else:
            from adaptoscope.imageio.tiff_files import write_tiff

            ome = path.stem.lower().endswith(".ome")
            write_tiff(temporary, stored, pixel_size_um, ome=ome)
