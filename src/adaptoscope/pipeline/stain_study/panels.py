"""Pictures of a study: what networks say of one field, beside the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.pipeline.stain_study.settings import StudyShift
from adaptoscope.pipeline.stain_study.stages import StudyStages
from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.sheet import Tile, sheet
from adaptoscope.translation.model_folder import load_translator
from adaptoscope.translation.predict import predict_stains

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
        For each stain a row, and below it the middle of the field enlarged.
    """
    field = stages.target_fields(shift, "test", truth=True)[0]
    said = {
        name: predict_stains(load_translator(path), field.pixels) for name, path in networks.items()
    }
    stains = stages.model("cpu").record.stains
    rows, names = [], []
    for place, stain in enumerate(stains):
        planes = {shift.name: field.pixels, "truth": field.truth[place]}
        planes |= {name: planes_of[place] for name, planes_of in said.items()}
        for name, side in ((stain, _SHOWN), ("enlarged", _ZOOM)):
            rows.append([Tile(_middle(plane, side), title) for title, plane in planes.items()])
            names.append(name)
    caption = f"{field.name}, each image stretched between two of its own percentiles."
    return sheet(rows, names=names, alt=f"Predicted and true stains, {shift.name}", caption=caption)


def _middle(plane: FloatImage, side: int) -> FloatImage:
    top, left = (max(0, (length - side) // 2) for length in plane.shape)
    return plane[top : top + side, left : left + side]
