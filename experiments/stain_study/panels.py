"""Pictures of a study: what networks say of one field, beside the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.sheet import Tile, sheet
from adaptoscope.translation.predict import predict_stains
from adaptoscope.translation.trained_model import load_translator
from experiments.stain_study.settings import StudyShift
from experiments.stain_study.stages import StudyStages

FloatImage = NDArray[np.float32]
_SHOWN = 256
_ZOOM = 96


def panel_of_shift(stages: StudyStages, shift: StudyShift, networks: Mapping[str, Path]) -> Picture:
    """Draw the first test field of a shift: the image, the truth and what networks say of it.

    Parameters
    ----------
    stages
        The study.
    shift
        The target domain.
    networks
        Model folders by the name under which they are shown.

    Returns
    -------
    Picture
        For each stain a row, and below it the place enlarged where the stains vary most.
    """
    field = stages.target_fields(shift, "test", truth=True)[0]
    said = {
        name: predict_stains(load_translator(path), field.pixels) for name, path in networks.items()
    }
    stains = stages.model("cpu").record.stains
    rows, names = [], []
    places = {_SHOWN: _middle(field.shape, _SHOWN), _ZOOM: busiest_window(field.truth, _ZOOM)}
    for place, stain in enumerate(stains):
        planes = {shift.name: field.pixels, "truth": field.truth[place]}
        planes |= {name: planes_of[place] for name, planes_of in said.items()}
        for name, side in ((stain, _SHOWN), ("enlarged", _ZOOM)):
            rows.append([Tile(plane[places[side]], title) for title, plane in planes.items()])
            names.append(name)
    caption = f"{field.name}, each image stretched between two of its own percentiles."
    return sheet(rows, names=names, alt=f"Predicted and true stains, {shift.name}", caption=caption)


Window = tuple[slice, slice]


def _middle(shape: tuple[int, int], side: int) -> Window:
    top, left = (max(0, (length - side) // 2) for length in shape)
    return slice(top, top + side), slice(left, left + side)


def busiest_window(truth: FloatImage, side: int) -> Window:
    """Return where stains vary most, among windows that overlap by half.

    Parameters
    ----------
    truth
        Shape (S, H, W), any unit; every stain counts alike.
    side
        Of the window in pixels; smaller where the field is.
    """
    windows = [
        (slice(top, top + side), slice(left, left + side))
        for top in range(0, max(1, truth.shape[1] - side + 1), side // 2)
        for left in range(0, max(1, truth.shape[2] - side + 1), side // 2)
    ]
    scale = truth.std(axis=(1, 2), keepdims=True)
    relative = truth / np.where(scale > 0, scale, 1)
    return max(windows, key=lambda window: float(relative[:, *window].std(axis=(1, 2)).sum()))
