"""What the channels of an image are called in its own description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adaptoscope.errors import InputError


def channel_names(path: Path, channels: int) -> tuple[str, ...]:
    """Return a name for each channel: that of OME-TIFF or OME-Zarr, else ``channel_0`` and so on.

    Names that are missing, or that occur twice, are replaced.
    """
    found = _of_tiff(path) if path.is_file() else _of_zarr(path)
    known = [" ".join(str(name or "").split()) for name in found]
    if len(known) != channels:
        known = [""] * channels
    return tuple(
        name if name and known.count(name) == 1 else f"channel_{place}"
        for place, name in enumerate(known)
    )


def _of_tiff(path: Path) -> list[Any]:
    import tifffile

    from adaptoscope.imageio.ome_planes import ome_document, own_pixels

    try:
        with tifffile.TiffFile(path) as file:
            root = ome_document(file)
            pixels = own_pixels(path, root) if root is not None else []
    except (OSError, ValueError, tifffile.TiffFileError, InputError):
        return []
    if not pixels:
        return []
    return [each.get("Name") for each in pixels[0] if str(each.tag).rpartition("}")[2] == "Channel"]


def _of_zarr(path: Path) -> list[Any]:
    for name in ("zarr.json", ".zattrs"):
        try:
            content = json.loads((path / name).read_text("utf-8"))
            held = content.get("attributes", content)
            omero = held.get("ome", held).get("omero") or held.get("omero") or {}
            return [each.get("label") for each in omero.get("channels", [])]
        except (OSError, ValueError, AttributeError):
            continue
    return []
