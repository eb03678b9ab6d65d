"""Layers of napari from images: cells as points, stains as images. Nothing here needs napari."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.microscopy_image import image_of_array
from adaptoscope.images.cell_centres import Points, as_points

if TYPE_CHECKING:
    from adaptoscope.pipeline.counters import Counter

LayerData = tuple[Any, dict[str, Any], str]
"""Data, attributes and kind of a layer, as napari takes them."""

CONFIDENCE = "confidence"
"""Feature of a found cell: the height of its peak as a share of that of one cell alone, at most 1;
NaN where the counter has no density."""


def plane_of(data: NDArray[np.generic], step: Sequence[int]) -> NDArray[np.generic]:
    """Return the plane that is looked at, shape (H, W).

    Parameters
    ----------
    data
        Shape (..., H, W).
    step
        Where the sliders stand, as `viewer.dims.current_step`: one number for each axis of the
        viewer, the last ones those of the layer.
    """
    return np.asarray(data[places_of(data.shape, step)])


def places_of(shape: Sequence[int], step: Sequence[int]) -> tuple[int, ...]:
    """Return where a layer of this shape is looked at along every axis but the last two."""
    if len(shape) < 2:
        raise InputError(
            "This layer is no image.", expected="shape (H, W), or a stack", found=str(tuple(shape))
        )
    further = len(shape) - 2
    stands = list(step)[-len(shape) :][:further] if further else []
    stands = [0] * (further - len(stands)) + stands
    return tuple(
        min(max(int(place), 0), length - 1)
        for place, length in zip(stands, shape[:further], strict=True)
    )


def count_layer(
    data: NDArray[np.generic],
    step: Sequence[int] = (),
    *,
    counter: Counter | str = "nuclei",
    diameter_px: float | None = None,
    pixel_size_um: float | None = None,
    name: str = "image",
    scale: Sequence[float] = (),
) -> LayerData:
    """Count the plane of an image layer that is looked at.

    Parameters
    ----------
    data, step
        As `plane_of`.
    counter
        A counter that is loaded, its name, or its model folder.
    diameter_px
        Cell diameter in pixels, in place of what is measured.
    name, scale
        Of the image layer.

    Returns
    -------
    tuple
        A points layer, (row, column) in pixels, of a stack with the plane before, with the feature
        `CONFIDENCE`. Its metadata holds ``count``, ``interval``, ``flag``, ``diameter_px``,
        ``per_mm2`` and ``said``, a sentence.
    """
    from adaptoscope.counting.predict import count_image, points_inside
    from adaptoscope.counting.settings import PredictSettings
    from adaptoscope.pipeline.counters import Counter, load_counter

    loaded = counter if isinstance(counter, Counter) else load_counter(counter)
    plane = plane_of(data, step)
    settings = PredictSettings(pixel_size_um=pixel_size_um, diameter_px=diameter_px)
    image = image_of_array(plane, name=name, pixel_size_um=pixel_size_um)
    counted = count_image(loaded.model, image, settings)
    row, survey = counted.row, counted.found.survey
    points = counted.found.points
    if points is None:
        raise InputError(
            f"The counter {loaded.name} does not say where the cells are.",
            expected="a counter that finds cells, as nuclei",
            found=f"a number alone: {row.count:g} cells",
            remedy="choose another counter",
        )
    confidence = np.full(len(points), np.nan)
    if survey is not None and len(survey.points):
        from scipy.spatial import cKDTree

        _, nearest = cKDTree(survey.points).query(points)
        confidence = np.minimum(survey.heights[nearest], 1.0)
    known = row.lower is not None and row.upper is not None
    interval = (row.lower, row.upper) if known else None
    said = f"{row.count:g} cells" if row.count is not None else "no count"
    said += f" (90 % interval {row.lower:.0f} to {row.upper:.0f})" if interval else ""
    said += f"; look at it: {row.flag}" if row.flag else ""
    told = {"count": row.count, "interval": interval, "flag": row.flag, "said": said}
    told |= {"diameter_px": row.diameter_px, "per_mm2": row.per_mm2, "counter": loaded.name}
    places = places_of(data.shape, step)
    centres = np.hstack(
        [
            np.tile(np.array(places, np.float64), (len(points), 1)),
            points_inside(points, plane.shape),
        ]
    )
    attributes = points_attributes(f"cells of {name}", row.diameter_px, scale)
    attributes |= {"features": {CONFIDENCE: confidence}, "metadata": {"adaptoscope": told}}
    return centres, attributes, "points"


def points_attributes(
    name: str, diameter_px: float | None = None, scale: Sequence[float] = ()
) -> dict[str, Any]:
    """Return how cells are drawn: rings of the cells' size."""
    attributes: dict[str, Any] = {
        "name": name,
        "size": diameter_px or 10.0,
        "face_color": "transparent",
        "border_color": "yellow",
        "border_width": 0.08,
    }
    return attributes | ({"scale": tuple(scale)} if len(scale) else {})


def stain_layers(
    data: NDArray[np.generic],
    step: Sequence[int] = (),
    *,
    model: Path | str,
    name: str = "image",
    scale: Sequence[float] = (),
) -> list[LayerData]:
    """Predict the stains of the plane that is looked at, one image layer for each."""
    from adaptoscope.pipeline.stains import predict_stain

    found = predict_stain(model, plane_of(data, step))
    placed = {"scale": tuple(scale)[-2:]} if len(scale) else {}
    return [
        (
            values,
            {"name": f"{stain} of {name}", "blending": "additive", "colormap": "magenta", **placed},
            "image",
        )
        for stain, values in found.items()
    ]


def centres_of_layer(points: NDArray[np.generic]) -> Points:
    """Return the centres of a points layer, shape (N, 2), whatever axes a stack adds before."""
    array = np.asarray(points, dtype=np.float64)
    return as_points(array[:, -2:] if array.ndim == 2 and array.shape[1] > 2 else array)
