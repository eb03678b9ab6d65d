"""Pixels as a file stores them, and the choice of the one plane that is asked for.

A file may hold channels and focal planes. Which of them is meant is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.imageio.pixel_size import PixelSize

# Larger images are read in parts; what claims more is a damaged header or an attack.
MAX_SIDE = 20_000
MAX_BYTES = 4 * 2**30

IN_PARTS = (
    "save it as a tiled TIFF or as OME-Zarr, which density counters read in parts: "
    "`bfconvert -tilex 512 -tiley 512 IN OUT.ome.tif`, `vips tiffsave IN OUT.tif --tile`, or "
    'tifffile.imwrite("OUT.tif", pixels, tile=(512, 512)); or raise --max-pixels where the '
    "memory is there"
)
"""What to do with an image that is too large to be read whole."""

# An axis this short that lies where rows or columns should is one of channels, where there are
# more planes than that.
_MOST_CHANNELS = 12
_CHANNEL_AXES = "CS"
# Of the 65,536 levels; with fewer, cells are no more than steps.
_LEAST_LEVELS = 64
_DEPTH_AXES = "ZQI"
_ALL = slice(None)


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class ImageHeader:
    """What is known of an image before its pixels are decoded; floats count as 16-bit."""

    height: int
    width: int
    bit_depth: int
    channels: int = 1


@dataclass(frozen=True)
class StoredPlanes:
    """All planes of a file.

    Attributes
    ----------
    values
        Stored values with the axes of ``axes``.
    axes
        One letter per axis: Y row, X column, C channel, S sample (as red, green, blue),
        Z focal plane, T time, Q or I a stack whose meaning the file does not tell.
    """

    values: NDArray[np.generic]
    axes: str
    pixel_size: PixelSize


@contextmanager
def decoding(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a damaged image makes a library raise into one readable error."""
    try:
        yield
    except InputError:
        raise
    # Codecs and stores have errors of their own, a dozen of them.
    except Exception as error:
        size = f"a file of {path.stat().st_size} bytes: " if path.is_file() else ""
        raise InputError(
            f"The image {path} cannot be decoded.",
            expected=f"a complete {kind}",
            found=f"{size}{error or type(error).__name__}",
            remedy="copy it again from where it came, save it uncompressed, or leave it out",
        ) from error


def check_size(
    path: Path, height: int, width: int, stored_bytes: int, *, max_pixels: int | None = None
) -> None:
    """Refuse an image of absurd size, as its header claims, before memory is taken for it.

    `stored_bytes` are those of all decoded planes; `max_pixels`, the most pixels of a plane, takes
    the place of the limit on its sides.
    """
    if max_pixels is not None and height * width > max_pixels:
        raise InputError(
            f"The image {path} is too large to be read whole.",
            expected=f"at most {max_pixels:,} pixels, as --max-pixels says, where a file or a "
            "counter needs the whole image at once",
            found=f"{height} x {width} pixels (height x width)",
            remedy=IN_PARTS,
        )
    limit = max(MAX_BYTES, 4 * (max_pixels or 0))
    longest = MAX_SIDE if max_pixels is None else max_pixels
    if min(height, width) < 1 or max(height, width) > longest or stored_bytes > limit:
        raise InputError(
            f"The image {path} is empty or too large to be opened.",
            expected=f"1 to {longest} pixels a side, at most {limit // 2**30} GiB in all",
            found=f"{height} x {width} pixels (height x width), {stored_bytes / 2**30:.1f} GiB",
            remedy="cut the image into smaller ones, or save its planes one by one",
        )


def select_plane(
    planes: StoredPlanes,
    path: Path,
    *,
    channel: int | None = None,
    z: int | Literal["max"] | None = None,
) -> NDArray[np.generic]:
    """Return the one plane that was asked for, shape (H, W), as stored.

    Parameters
    ----------
    channel
        Index of the channel, from 0; needed where the file has several.
    z
        Index of the focal plane, from 0, or ``"max"`` for the brightest value along the stack;
        needed where the file has several.
    """
    chosen = choose_plane(planes.axes, planes.values.shape, path, channel=channel, z=z)
    values = planes.values[tuple(chosen)]
    left = [letter for letter, place in zip(planes.axes, chosen, strict=True) if place == _ALL]
    if len(left) > 2:
        depth = next(axis for axis, letter in enumerate(left) if letter in _DEPTH_AXES)
        values = values.max(axis=depth)
        del left[depth]
    return values if left == ["Y", "X"] else values.T


def choose_plane(
    axes: str,
    shape: Sequence[int],
    path: Path,
    *,
    channel: int | None = None,
    z: int | Literal["max"] | None = None,
) -> list[int | slice]:
    """Tell where along every axis of a file the plane lies that was asked for, as `select_plane`.

    Everything along rows, columns, and focal planes of which the brightest is asked for.
    """
    _refuse_further_axes(axes, shape, path)
    _refuse_exchanged_axes(axes, shape, path)
    lengths = dict(zip(axes, shape, strict=True))
    channel_axis = next((letter for letter in axes if letter in _CHANNEL_AXES), "")
    depth_axis = next((letter for letter in axes if letter in _DEPTH_AXES), "")
    _check_channel(channel, lengths.get(channel_axis, 1), path, colour=channel_axis == "S")
    _check_z(z, lengths.get(depth_axis, 1), path)
    places = {channel_axis: channel or 0, depth_axis: _ALL if z == "max" else z or 0}
    return [places.get(letter, _ALL) for letter in axes]


def as_counts(
    plane: NDArray[np.generic], path: Path, *, is_whole: bool = True
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Bring one plane, shape (H, W), to stored counts; floating point becomes 16-bit.

    Floats are from 0 to 1, or whole numbers up to 65535, which only a whole plane tells.
    """
    if plane.dtype == np.uint8:
        return plane.astype(np.uint8)
    if plane.dtype == np.uint16:
        return plane.astype(np.uint16)
    values = plane.astype(np.float64)
    finite = bool(np.isfinite(values).all())
    lowest, highest = (values.min(), values.max()) if finite else (np.nan, np.nan)
    if is_whole and lowest >= 0 and 1 < highest <= 65535 and (values == np.rint(values)).all():
        return values.astype(np.uint16)
    if not (lowest >= 0 and highest <= 1):
        raise InputError(
            f"The floating-point image {path} is not on a known scale.",
            expected="finite values from 0 to 1, or whole numbers from 0 to 65535",
            found=f"values from {lowest:g} to {highest:g}" if finite else "NaN or infinite values",
            remedy="save it as 16-bit integers; in ImageJ, Image > Type > 16-bit",
        )
    stored = IntensityScale.full_range(16).to_stored(values)
    if is_whole and highest > lowest and int(stored.max()) - int(stored.min()) < _LEAST_LEVELS:
        raise InputError(
            f"The values of the floating-point image {path} are too small to be told apart.",
            expected=f"values from 0 to 1 that span at least {_LEAST_LEVELS / 65535:.1g}",
            found=f"values from {lowest:g} to {highest:g}",
            remedy="save it as 16-bit integers; in ImageJ, Image > Type > 16-bit",
        )
    return stored


def grey_sample(planes: StoredPlanes) -> int | None:
    """Tell which sample of a colour image is its grey one, where that leaves no doubt.

    The first where red, green and blue are equal, or the only one of them that is not the same
    everywhere; a transparency that is the same everywhere is left aside.
    """
    if "S" not in planes.axes:
        return None
    samples = np.moveaxis(planes.values, planes.axes.index("S"), 0)
    colours = samples
    if len(samples) in (2, 4):
        colours = samples[:-1]
        if samples[-1].min() != samples[-1].max():
            return None
    if all(np.array_equal(colours[0], other) for other in colours[1:]):
        return 0
    filled = [number for number, one in enumerate(colours) if one.min() != one.max()]
    return filled[0] if len(filled) == 1 else None


def _refuse_further_axes(axes: str, shape: Sequence[int], path: Path) -> None:
    others = axes.replace("Y", "").replace("X", "")
    channels = sum(letter in _CHANNEL_AXES for letter in others)
    stacks = sum(letter in _DEPTH_AXES for letter in others)
    if channels > 1 or stacks > 1 or channels + stacks < len(others):
        raise InputError(
            f"The image {path} has axes that cannot be reduced to one plane.",
            expected="rows and columns, with at most one axis of channels and one of focal planes",
            found=f"axes {axes} of lengths {' x '.join(map(str, shape))} (T is time)",
            remedy="save the time points or positions as one file each",
        )


def _refuse_exchanged_axes(axes: str, shape: Sequence[int], path: Path) -> None:
    """Refuse (H, W, 2) and the like, written as H planes of W x 2 pixels."""
    lengths = dict(zip(axes, shape, strict=True))
    side = min(lengths["Y"], lengths["X"])
    planes = max([length for letter, length in lengths.items() if letter not in "YX"], default=1)
    if side > _MOST_CHANNELS or planes <= _MOST_CHANNELS:
        return
    raise InputError(
        f"The image {path} seems to have been written with its axes in another order.",
        expected=f"axes={axes} with rows (Y) and columns (X) of more than {_MOST_CHANNELS} pixels",
        found=f"axes={axes} of lengths {' x '.join(map(str, shape))}: {planes} planes of "
        f"{lengths['Y']} x {lengths['X']} pixels",
        remedy="if the last axis holds channels, write them first, as "
        'tifffile.imwrite("OUT.tif", numpy.moveaxis(pixels, -1, 0), imagej=True, '
        'metadata={"axes": "CYX"}), and choose one with --channel',
    )


def _check_channel(channel: int | None, number: int, path: Path, *, colour: bool) -> None:
    if channel is None and number > 1:
        raise InputError(
            f"The image {path} has several channels and one is needed.",
            expected="an image with one channel, or the choice of one",
            found=f"{number} channels" + (" (colour image)" if colour else ""),
            remedy=f"choose one with --channel N, N from 0 to {number - 1}",
        )
    if channel is not None and not 0 <= channel < number:
        raise InputError(
            f"The image {path} does not have the channel that was asked for.",
            expected=f"--channel from 0 to {number - 1}",
            found=f"--channel {channel}",
            remedy="choose another channel; the first is 0",
        )


def _check_z(z: int | Literal["max"] | None, depth: int, path: Path) -> None:
    if z is None and depth > 1:
        raise InputError(
            f"The image {path} is a stack and one plane is needed.",
            expected="a single plane, or the choice of one",
            found=f"{depth} planes",
            remedy=f"choose with --z max (brightest along the stack) or --z N, N from 0 to "
            f"{depth - 1}",
        )
    exists = z is None or (0 <= z < depth if isinstance(z, int) else z == "max")
    if not exists:
        raise InputError(
            f"The image {path} does not have the plane that was asked for.",
            expected=f"--z max, or --z from 0 to {depth - 1}",
            found=f"--z {z}",
            remedy="choose another plane; the first is 0",
        )
