"""Predict the stains of whole fields, of any size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.microscopy_image import MicroscopyImage
from adaptoscope.images.tiling import blending_weights, tile_spans
from adaptoscope.inference.network import Network
from adaptoscope.translation.intensities import prepare_pixels
from adaptoscope.translation.layers import MULTIPLE
from adaptoscope.translation.model_folder import Predictor

FloatImage = NDArray[np.float32]

TILE = 1024
"""Side of the tiles that larger fields are divided into, in pixels."""

OVERLAP = 256
"""Pixels that neighbouring tiles share, over which one fades into the next."""

WHOLE = 2048
"""Fields are predicted whole up to this side in pixels."""


def predict_stains(model: Predictor, pixels: FloatImage) -> FloatImage:
    """Predict the stains of one field (H, W), in [0, 1] of the stored range of its files.

    Returns shape (S, H, W), float32, shares of the stored range in the model's order of stains.
    """
    record = model.record
    seen = prepare_pixels(pixels, record.intensities.given, record.preparation)
    values = run_network(model.run, seen)
    intervals = record.intensities.stains.values()
    return np.stack(
        [interval.to_stored_range(plane) for interval, plane in zip(intervals, values, strict=True)]
    )


def predict_image(model: Predictor, image: MicroscopyImage) -> FloatImage:
    """Predict the stains of an image file that was read; see `predict_stains`."""
    refuse_other_depth(model, image.name, image.scale.bit_depth)
    return predict_stains(model, image.pixels)


def refuse_other_depth(model: Predictor, name: str, bit_depth: int) -> None:
    """Refuse an image whose counts mean something else than those the network learnt from."""
    expected = model.record.intensities.bit_depth
    if bit_depth != expected:
        raise InputError(
            f"The image {name} does not fit the model {model.name}.",
            expected=f"{expected}-bit images, as those that the model learnt from",
            found=f"{bit_depth}-bit",
            remedy="export the images as the training images were, or train on such images",
        )


def run_network(network: Network, seen: FloatImage) -> FloatImage:
    """Run a network on a field (H, W) of any size, in intensities as it takes them.

    Fields of up to 2048 pixels are continued by reflection to a multiple of 256 and run whole.
    Larger ones are run in tiles of 1024 that overlap by 256; there a weighted mean, whose weights
    add up to one, leads from one tile to the next without a seam. Returns shape (S, H, W), in [-1,
    1].
    """
    return compute_in_tiles(seen, lambda part: _run_whole(network, part))


def compute_in_tiles(
    pixels: FloatImage,
    compute: Callable[[FloatImage], FloatImage],
    *,
    whole: int = WHOLE,
    tile: int = TILE,
    overlap: int = OVERLAP,
) -> FloatImage:
    """Compute a field (H, W) in tiles that fade into one another, or whole up to that side.

    `compute` leads from a part (h, w) to planes (S, h, w); neighbours overlap by `overlap` at
    least.
    """
    height, width = pixels.shape
    if max(height, width) <= whole:
        return compute(pixels)
    total: FloatImage | None = None
    weights = np.zeros((height, width), dtype=np.float32)
    for of_rows in tile_spans(height, tile, overlap):
        for of_columns in tile_spans(width, tile, overlap):
            rows, columns = slice(*of_rows), slice(*of_columns)
            planes = compute(pixels[rows, columns])
            across = blending_weights(of_rows, height, overlap)
            weight = across[:, None] * blending_weights(of_columns, width, overlap)
            if total is None:
                total = np.zeros((len(planes), height, width), dtype=np.float32)
            total[:, rows, columns] += weight * planes
            weights[rows, columns] += weight
    if total is None:
        raise ValueError("a field has at least one pixel")
    return np.asarray(total / weights, dtype=np.float32)


def pad_to_multiple(pixels: FloatImage) -> FloatImage:
    """Continue a field by reflection below and to the right, to a multiple of 256 pixels."""
    missing = [(0, -side % MULTIPLE) for side in pixels.shape]
    return np.pad(pixels, missing, mode="symmetric")


def _run_whole(network: Network, seen: FloatImage) -> FloatImage:
    values = network(pad_to_multiple(seen)[None, None])
    return values[0, :, : seen.shape[0], : seen.shape[1]]
