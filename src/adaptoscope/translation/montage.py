"""Montages of cells on a regular grid: what is predicted beyond the mean cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.metrics.correlation import pearson
from adaptoscope.translation.evaluate import evaluate_translator, join_evaluations
from adaptoscope.translation.fields import Field
from adaptoscope.translation.model_folder import Predictor
from adaptoscope.translation.predict import predict_stains

FloatImage = NDArray[np.float32]


def compare_with_mean_cell(
    model: Predictor, fields: Sequence[Field], taught: Sequence[Field], side: int
) -> dict[str, object]:
    """Evaluate a network on montages of cells, beside the guess that all cells are alike.

    Montages are regular grids of tiles of so many pixels, one cell in each; the mean tile of
    `taught` is the guess. As `StainEvaluation.as_dict`, and of each stain ``pearson_of_mean_cell``,
    ``pearson_after_baseline`` (what is predicted beyond the mean cell) and ``pearson_of_cells``
    (total intensity, tile by tile).
    """
    _check_grid([*fields, *taught], side)
    tile = mean_tile(taught, side)
    results = [
        evaluate_translator(model, [field], baseline=repeat_tile(tile, field.shape))
        for field in fields
    ]
    found = join_evaluations(results)
    guess = evaluate_translator(
        model, fields, predict=lambda field: repeat_tile(tile, field.shape), description="mean cell"
    )
    said = found.as_dict()
    by_stain: dict[str, dict[str, object]] = said["stains"]  # type: ignore[assignment]
    totals = [
        (_tile_totals(predict_stains(model, field.pixels), side), _tile_totals(field.truth, side))
        for field in fields
    ]
    for place, (stain, figures) in enumerate(by_stain.items()):
        figures["pearson_of_mean_cell"] = guess.stains[stain].pearson
        cells = [pearson(predicted[place], true[place]) for predicted, true in totals]
        figures["pearson_of_cells"] = float(np.mean(cells))
    return said


def mean_tile(fields: Sequence[Field], side: int) -> FloatImage:
    """Return the mean of all tiles, shape (S, side, side); `side` divides every field."""
    sums, number = np.zeros(1), 0
    for field in fields:
        planes = field.truth
        stains, height, width = planes.shape
        tiles = planes.reshape(stains, height // side, side, width // side, side)
        sums = sums + tiles.sum(axis=(1, 3), dtype=np.float64)
        number += (height // side) * (width // side)
    return np.asarray(sums / number, dtype=np.float32)


def repeat_tile(tile: FloatImage, shape: tuple[int, int]) -> FloatImage:
    """Repeat a tile (S, side, side) over a field whose sides it divides."""
    side = tile.shape[-1]
    return np.tile(tile, (1, shape[0] // side, shape[1] // side))


def _tile_totals(planes: FloatImage, side: int) -> NDArray[np.float64]:
    """Return the sums over the tiles of a grid, shape (S, tiles)."""
    stains, height, width = planes.shape
    tiles = planes.reshape(stains, height // side, side, width // side, side)
    totals: NDArray[np.float64] = tiles.sum(axis=(2, 4), dtype=np.float64)
    return totals.reshape(stains, -1)


def _check_grid(fields: Sequence[Field], side: int) -> None:
    for field in fields:
        if field.shape[0] % side or field.shape[1] % side:
            raise InputError(
                f"The image {field.name} is no montage of such tiles.",
                expected=f"sides that {side} pixels divide",
                found=f"{field.shape[0]} x {field.shape[1]} pixels",
                remedy="give the side of a tile with --grid, or leave it out",
            )
