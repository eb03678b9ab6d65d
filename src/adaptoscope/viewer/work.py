"""What the widgets set going on folders: learning from finished images, checking a counter."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptoscope.errors import InputError
from adaptoscope.viewer.files import images_of_finished
from adaptoscope.viewer.layers import LayerData


def learn(out: Path, finished: Path, *, judge: bool = True, settings: Any = None) -> str:
    """Fine-tune `nuclei` on finished images, as ``count train --start nuclei --judge`` does.

    Parameters
    ----------
    out
        Model folder to write.
    finished
        A folder of counted images, as `keep_finished` makes it.

    Returns
    -------
    str
        What came of it, in words.
    """
    from adaptoscope.pipeline.counter_training import train_counter

    trained = train_counter(
        out,
        real=finished,
        root=images_of_finished(finished),
        start="nuclei",
        judge=judge,
        settings=settings,
    )
    return trained.summary


def begin_check_of(
    images: Path, out: Path, *, model: str = "nuclei", number: int = 10
) -> list[str]:
    """Count a folder and name the images to count by hand, as ``count check`` does."""
    from adaptoscope.pipeline.count_check import begin_check

    return [row.image for row in begin_check(model, images, out, number=number).rows]


def finish_check_of(images: Path, out: Path, hand_counts: Mapping[str, int] | None = None) -> str:
    """Fill in hand counts and say how far all counts are off, as ``count check --hand-counts``.

    Parameters
    ----------
    images, out
        As for `begin_check_of`.
    hand_counts
        From image to cells counted by hand; None takes those that stand in ``check.csv``.
    """
    from adaptoscope.counting.audit import CHECK_FILE, finish_check
    from adaptoscope.counting.audit_table import read_check, write_check

    if hand_counts is not None:
        rows = read_check(out / CHECK_FILE)
        strangers = set(hand_counts) - {row.image for row in rows}
        if strangers:
            raise InputError(
                f"The image {min(strangers)} is not in the check.",
                expected="images that were drawn for it",
                found=f"{len(strangers)} others",
            )
        given = dict(hand_counts)
        write_check(
            out / CHECK_FILE,
            [
                dataclasses.replace(row, hand_count=given.get(row.image, row.hand_count))
                for row in rows
            ],
        )
    return finish_check(images, out / CHECK_FILE).sentence()


def sample_nuclei() -> list[LayerData]:
    """Invent one field of nuclei, with its true centres."""
    from adaptoscope.viewer.layers import points_attributes

    field, diameter = _field(0)
    truth = {**points_attributes("true cells", diameter), "visible": False}
    return [(field.pixels, {"name": "simulated nuclei"}, "image"), (field.points, truth, "points")]


def sample_stack() -> list[LayerData]:
    """Invent three fields as the planes of a stack, shape (3, H, W)."""
    import numpy as np

    planes = np.stack([_field(number)[0].pixels for number in range(3)])
    return [(planes, {"name": "simulated stack"}, "image")]


def _field(seed: int) -> tuple[Any, float]:
    import numpy as np

    from adaptoscope.simulation.generate import draw_field
    from adaptoscope.simulation.settings import SimulationSettings

    settings = SimulationSettings(height=512, width=512)
    return draw_field(settings, np.random.default_rng(seed)), float(settings.cell_diameter_px)
