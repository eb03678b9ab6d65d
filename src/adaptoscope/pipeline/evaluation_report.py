"""Turn an evaluation of a counter into its report."""

from pathlib import Path
from typing import Literal

import numpy as np

from adaptoscope.counting.evaluation_result import EvaluatedImage, Evaluation
from adaptoscope.counting.paired_counters import OtherCounter
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.reporting.evaluation_report import (
    EvaluationRun,
    ReportedCounter,
    WorstImage,
    evaluation_report,
)
from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.marked_image import Mark, close_up, fullest_box, overview

_LISTED = 10
_SHOWN = 4
_PART = 200


def write_evaluation_report(
    path: Path,
    name: str,
    evaluation: Evaluation,
    images: CountedImageSet,
    *,
    other: OtherCounter | None = None,
    remark: str = "",
    seed: int = 0,
) -> None:
    """Write the report of an evaluation as one HTML file.

    Parameters
    ----------
    images
        The set, or the split of it, that was counted.
    other
        Another counter on the same images.
    """
    worst = sorted(evaluation.images, key=lambda row: (-abs(row.error), row.image))[:_LISTED]
    run = EvaluationRun(
        images=_counted(images, len(evaluation.images)),
        counter=_reported(name, evaluation),
        worst=[
            _worst(row, _pictures(row, images) if place < _SHOWN else ())
            for place, row in enumerate(worst)
        ],
        provenance={
            "counter": name,
            **({"other counter": other.name} if other else {}),
            "images": images.folder.name,
            "intervals": f"10,000 resamples of the images, seed {seed}",
        },
        other=_reported(other.name, other.evaluation) if other else None,
        difference=other.difference if other else None,
        remarks=[remark] if remark else [],
    )
    evaluation_report(run).write(path)


def _counted(images: CountedImageSet, number: int) -> str:
    """Say what was counted, as it stands in a sentence."""
    splits = {record.split for record in images}
    split = f"the split {splits.pop()} of " if len(splits) == 1 and None not in splits else ""
    return f"the {'image' if number == 1 else f'{number} images'} of {split}{images.folder.name}"


def _reported(name: str, evaluation: Evaluation) -> ReportedCounter:
    return ReportedCounter(
        name=name,
        errors=evaluation.errors,
        mae_interval=evaluation.mae_interval,
        points=evaluation.points,
        game=evaluation.game,
        by_density=evaluation.by_density,
        predicted=np.array([row.predicted for row in evaluation.images]),
        true=np.array([row.true for row in evaluation.images]),
        density_classes=[row.density_class for row in evaluation.images],
    )


def _worst(row: EvaluatedImage, pictures: tuple[Picture, ...]) -> WorstImage:
    without = row.found_points is None
    return WorstImage(
        name=row.image,
        density_class=row.density_class,
        true=row.true,
        predicted=row.predicted,
        lost=None if without else row.match.false_negatives if row.match else 0,
        invented=None if without else row.match.false_positives if row.match else 0,
        pictures=pictures,
    )


def _pictures(row: EvaluatedImage, images: CountedImageSet) -> tuple[Picture, ...]:
    record = next(record for record in images if record.name == row.image)
    pixels = images.read(record).pixels
    marks = _marks(row)
    missed = [mark for mark in marks if mark.kind in ("lost", "true", "invented")]
    places = np.array([(mark.row, mark.column) for mark in missed]).reshape(-1, 2)
    height, width = pixels.shape
    box = fullest_box(places, (height, width), _PART)
    counts = f"{row.image}: {row.true:.0f} true, {row.predicted:.1f} predicted cells"
    where = f"rows {box.top} to {box.top + box.height}, columns {box.left} to "
    where += f"{box.left + box.width}"
    return (
        overview(pixels, box, alt=f"The image {row.image}", caption=counts),
        close_up(pixels, box, alt=f"A part of {row.image}", caption=where),
        close_up(pixels, box, marks, alt=f"The same part of {row.image} with its cells marked"),
    )


def _marks(row: EvaluatedImage) -> list[Mark]:
    """Return a mark for every true cell and for every found centre."""
    pairs = np.empty((0, 2), np.intp) if row.match is None else row.match.pairs
    used, found = set(pairs[:, 0].tolist()), set(pairs[:, 1].tolist())
    alone: Literal["true", "lost"] = "true" if row.found_points is None else "lost"
    cells = zip(row.true_points.tolist(), row.diameters.tolist(), strict=True)
    marks = [
        Mark(line, column, diameter / 2, "matched" if index in found else alone)
        for index, ((line, column), diameter) in enumerate(cells)
    ]
    centres = [] if row.found_points is None else row.found_points.tolist()
    marks += [
        Mark(line, column, 0.0, "found" if index in used else "invented")
        for index, (line, column) in enumerate(centres)
    ]
    return marks
