"""Points layers as the project's ``points.csv`` and back: reader, writer, finished images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.point_tables import points_of_table, write_points
from adaptoscope.errors import AdaptoscopeError, InputError
from adaptoscope.imageio.csv_tables import read_table, write_table
from adaptoscope.imageio.files import read_header
from adaptoscope.images.cell_centres import check_points
from adaptoscope.viewer.layers import LayerData, centres_of_layer, points_attributes

IMAGE = "image"
"""Key of a layer's metadata, under ``adaptoscope``: the file that its cells are in."""


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return what reads a table of points; None for a file that is none, so that others may."""
    if not isinstance(path, str) or Path(path).suffix.lower() != ".csv":
        return None
    try:
        points_of_table(Path(path))
    except (AdaptoscopeError, OSError):
        return None
    return lambda given: read_points_layers(Path(str(given)))


def read_points_layers(path: Path) -> list[LayerData]:
    """Read a table of points: one layer for each image."""
    return [
        (
            points,
            {**points_attributes(f"cells of {name}"), "metadata": {"adaptoscope": {IMAGE: name}}},
            "points",
        )
        for name, points in points_of_table(path).items()
    ]


def write_points_layer(
    path: str, data: NDArray[np.generic], attributes: Mapping[str, Any]
) -> list[str]:
    """Write one points layer as the project's ``points.csv``."""
    place = Path(path)
    write_points(place, [(image_of_layer(attributes), centres_of_layer(data))])
    return [str(place)]


def image_of_layer(attributes: Mapping[str, Any]) -> str:
    """Return the base name of the image that a points layer belongs to."""
    told = dict(attributes.get("metadata") or {}).get("adaptoscope") or {}
    name = str(attributes.get("name", ""))
    return Path(str(told.get(IMAGE) or name.removeprefix("cells of ") or "image")).name


def keep_finished(folder: Path, image: Path, points: NDArray[np.generic]) -> int:
    """Keep the cells of a finished image in a folder that ``count train --real`` reads.

    The images stay where they are: ``metadata.csv`` names them by their way from the folder. An
    image that is kept already gets its new cells.

    Parameters
    ----------
    folder
        Made where it is missing.
    image
        A file on disk; every cell of it is marked.
    points
        As a points layer holds them.

    Returns
    -------
    int
        Number of finished images in the folder; ``count train --real`` is told the folder of the
        images with ``--root``.
    """
    from adaptoscope.datasets.counted_images import open_counted_images

    if not image.is_file():
        raise InputError(
            f"There is no image {image}.",
            expected="an image layer that was opened from a file",
            found="nothing there",
            remedy="save the image as TIFF and open that",
        )
    header = read_header(image)
    centres = check_points(centres_of_layer(points), (header.height, header.width), name=image.name)
    kept: dict[str, tuple[Path, Any]] = {}
    if (folder / "metadata.csv").is_file():
        known = open_counted_images(folder, root=images_of_finished(folder))
        kept = {each.name: (known.path(each), known.points(each)) for each in known.labelled()}
    for path, _ in kept.values():
        if path.resolve().parent != image.resolve().parent:
            raise InputError(
                f"The images of {folder} lie in another folder than {image}.",
                expected="images of one folder, as `count train` is told it with --root",
                found=f"{path.parent} and {image.parent}",
                remedy="choose another folder for these",
            )
    kept[image.name] = (image, centres)
    folder.mkdir(parents=True, exist_ok=True)
    write_points(folder / "points.csv", ((name, found) for name, (_, found) in kept.items()))
    rows = [
        (os.path.relpath(path, folder).replace(os.sep, "/"), len(found), True)
        for path, found in kept.values()
    ]
    write_table(folder / "metadata.csv", ("file_name", "count", "labelled"), rows)
    return len(kept)


def images_of_finished(folder: Path) -> Path | None:
    """Return the folder in which the images lie that `keep_finished` has kept; None without any."""
    listed = folder / "metadata.csv"
    names = read_table(listed).column("file_name") if listed.is_file() else []
    return (folder / names[0]).resolve().parent if names else None
