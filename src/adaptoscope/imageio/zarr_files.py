"""OME-Zarr folders, read in parts."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from adaptoscope.errors import InputError, missing_extra
from adaptoscope.imageio.pixel_size import PixelSize, calibrated
from adaptoscope.imageio.stored_parts import LARGEST_BLOCK, Block, StoredParts
from adaptoscope.imageio.stored_planes import choose_plane, decoding

_ZARR = "OME-Zarr folder"
# Codecs that run what the file says (pickle) are not among them.
_COMPRESSORS = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")
_ARRANGEMENTS = ("bytes", "crc32c", "delta", "endian", "sharding_indexed", "shuffle", "transpose")
_CODECS = frozenset(_COMPRESSORS + _ARRANGEMENTS)


def open_zarr_parts(
    path: Path, *, channel: int | None = None, z: int | Literal["max"] | None = None
) -> StoredParts:
    """Open one plane of full resolution of an OME-Zarr folder (0.1 to 0.5) or plain 2-D array."""
    library = _library(path)
    with decoding(path, _ZARR):
        array, names, pixel_size = _full_resolution(path, library.open(path, mode="r"))
        shape = tuple(int(length) for length in array.shape)
        _check_array(path, array, names)
    # Axes of length 1 tell nothing, as in a TIFF, where they are not stored.
    single = [length == 1 and name not in "YX" for name, length in zip(names, shape, strict=True)]
    axes = "".join(name for name, alone in zip(names, single, strict=True) if not alone)
    lengths = [length for length, alone in zip(shape, single, strict=True) if not alone]
    rest = iter(choose_plane(axes, lengths, path, channel=channel, z=z))
    chosen = [0 if alone else next(rest) for alone in single]
    block = int(array.chunks[-2]), int(array.chunks[-1])

    def decode(row: int, column: int) -> Block:
        place = list(chosen)
        place[-2] = slice(row * block[0], (row + 1) * block[0])
        place[-1] = slice(column * block[1], (column + 1) * block[1])
        with decoding(path, _ZARR):
            values = np.asarray(array[tuple(place)])
        brightest: Block = values if values.ndim == 2 else values.max(axis=0)
        return brightest

    return StoredParts(
        path,
        shape=(shape[-2], shape[-1]),
        dtype=np.dtype(array.dtype).newbyteorder("="),
        block=block,
        decode=decode,
        close=lambda: None,
        pixel_size=pixel_size,
        has_channels="C" in axes,
    )


def _library(path: Path) -> Any:
    try:
        return importlib.import_module("zarr")
    except ModuleNotFoundError as error:
        raise missing_extra(error, f"the image {path.name}") or error from error


def _full_resolution(path: Path, node: Any) -> tuple[Any, str, PixelSize]:
    """Return the array of full resolution, the names of its axes, and its pixel size."""
    if hasattr(node, "shape"):
        return node, "YX" if node.ndim == 2 else "?" * node.ndim, PixelSize()
    _refuse_plate(path, dict(node.attrs))
    images = [node] if _multiscales(node) else [g for _, g in node.groups() if _multiscales(g)]
    if len(images) != 1 or len(_multiscales(images[0])) != 1:
        raise InputError(
            f"The folder {path} does not hold exactly one image.",
            expected="an OME-Zarr image (`multiscales` in its attributes)",
            found=f"{len(images)} images",
            remedy="give the folder of one image",
        )
    (described,) = _multiscales(images[0])
    first = described["datasets"][0]
    array = images[0][first["path"]]
    axes = described.get("axes") or list("tczyx")
    axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in axes]
    names = "".join(str(axis["name"])[:1].upper() for axis in axes)
    return array, names, _pixel_size(axes, first, described)


def _pixel_size(axes: Sequence[Mapping[str, Any]], *levels: Mapping[str, Any]) -> PixelSize:
    scales = [
        change["scale"]
        for level in levels
        for change in level.get("coordinateTransformations", [])
        if change.get("type") == "scale"
    ]
    if not scales:
        return PixelSize()
    height, width = (prod(float(scale[axis]) for scale in scales) for axis in (-2, -1))
    units = [axis.get("unit") or "" for axis in axes[-2:]]
    # Without a unit, 1 is what is written where nothing is known.
    if not any(units) and (height, width) != (1.0, 1.0):
        return calibrated(height, width, ("(none)", "(none)"), "its OME-Zarr metadata")
    return calibrated(height, width, (str(units[0]), str(units[1])), "its OME-Zarr metadata")


def _refuse_plate(path: Path, attributes: Mapping[str, Any]) -> None:
    """Refuse a plate or a well, and name an image of it."""
    said = {**attributes, **dict(attributes.get("ome") or {})}
    if "plate" in said:
        wells = [str(each.get("path", "")) for each in said["plate"].get("wells", [])]
        kind, number, inside = "plate", f"{len(wells)} wells", f"{wells[0]}/0" if wells else "A/1/0"
    elif "well" in said:
        fields = [str(each.get("path", "")) for each in said["well"].get("images", [])]
        kind, number, inside = "well of a plate", f"{len(fields)} fields", (fields or ["0"])[0]
    else:
        return
    raise InputError(
        f"The folder {path} is a {kind}, which holds many images.",
        expected="the OME-Zarr image of one field",
        found=f"a {kind} of {number}",
        remedy=f"give its fields one by one, as {path / inside}",
    )


def _multiscales(group: Any) -> list[Mapping[str, Any]]:
    attributes = dict(group.attrs)
    found = dict(attributes.get("ome") or {}).get("multiscales") or attributes.get("multiscales")
    return list(found or [])


def _check_array(path: Path, array: Any, names: str) -> None:
    kind = np.dtype(array.dtype)
    known = kind.newbyteorder("=") in (np.uint8, np.uint16) or kind.kind == "f"
    if (
        len(names) != array.ndim
        or names[-2:] != "YX"
        or not known
        or 0 in array.shape
        or 0 in array.chunks
    ):
        raise InputError(
            f"The image {path} is of a kind that is not read.",
            expected="values of 8 or 16 bits or floating point from 0 to 1; axes that end in Y, X",
            found=f"{kind} of shape {array.shape} with axes {names}",
            remedy="export it again as OME-Zarr from the program that wrote it",
        )
    metadata = array.metadata.to_dict()
    stored = {key: metadata.get(key) for key in ("compressor", "filters", "codecs")}
    if unknown := sorted(set(_codec_names(stored)) - _CODECS):
        raise InputError(
            f"The image {path} is compressed in a way that is not read.",
            expected=f"one of {', '.join(sorted(_CODECS))}",
            found=", ".join(unknown),
            remedy="write it again with zstd or blosc",
        )
    if prod(array.chunks) * kind.itemsize > LARGEST_BLOCK:
        raise InputError(
            f"The image {path} is stored in chunks that are too large.",
            expected=f"at most {LARGEST_BLOCK // 2**20} MiB a chunk",
            found=f"chunks of shape {array.chunks}",
            remedy="write it again with chunks of, for example, 512 x 512 pixels",
        )


def _codec_names(described: Any) -> Iterator[str]:
    """Name every codec in the metadata of an array, those inside of shards included."""
    if isinstance(described, Mapping):
        for key, value in described.items():
            if key in ("id", "name") and isinstance(value, str):
                yield value.removeprefix("numcodecs.")
            else:
                yield from _codec_names(value)
    elif isinstance(described, list | tuple):
        for each in described:
            yield from _codec_names(each)
    elif hasattr(described, "get_config"):
        yield from _codec_names(described.get_config())
