"""Compare a counter with counted images: errors, their interval, and a row for each image."""

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adaptoscope.counting.cell_size import count_cells
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.errors import InputError, LeakageError
from adaptoscope.images.blobs import estimate_diameter
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.files import MicroscopyImage, atomic_path
from adaptoscope.metrics.counts import CountErrors, count_errors
from adaptoscope.metrics.intervals import Interval, bootstrap_interval
from adaptoscope.metrics.point_matching import PointMatch, match_points, pooled_f1
from adaptoscope.training.progress import progress

# Usual cell diameter of paper 1's images in pixels, for images in which none can be measured.
_DIAMETER = 15.0


@dataclass(frozen=True, eq=False)
class EvaluatedImage:
    """One image: what was counted and what is true; ``match`` where centres were predicted."""

    image: str
    predicted: float
    true: float
    match: PointMatch | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Errors of a counter on a set; ``f1`` is None where no centres are predicted."""

    errors: CountErrors
    mae_interval: Interval
    f1: float | None
    images: tuple[EvaluatedImage, ...]

    def as_dict(self) -> dict[str, object]:
        """Return what ``count evaluate --json`` prints."""
        found: dict[str, object] = dict(self.errors.as_dict())
        found["mae_interval"] = [self.mae_interval.lower, self.mae_interval.upper]
        if self.f1 is not None:
            found["f1"] = self.f1
        return found

    def write_table(self, path: Path) -> None:
        """Write one row per image as CSV."""
        with atomic_path(path) as temporary, temporary.open("w", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["image", "predicted", "true", "error", "f1", "invented", "lost"])
            for row in self.images:
                match = row.match
                found = ("", "", "") if match is None else (match.f1, match.invented, match.lost)
                error = row.predicted - row.true
                table.writerow(
                    [row.image, f"{row.predicted:.3f}", row.true, f"{error:.3f}", *found]
                )


def evaluate_counter(
    model: CountingModel,
    images: CountedImageSet,
    *,
    seed: int = 0,
    resamples: int = 10_000,
    allow_training_images: bool = False,
) -> Evaluation:
    """Count every labelled image of a set and compare.

    Parameters
    ----------
    model
        The counter.
    images
        The set, or one split of it.
    seed, resamples
        Of the bootstrap over images that gives the 95 % interval of the mean absolute error.
    allow_training_images
        Set where the error on the training images themselves is asked for.

    Raises
    ------
    InputError
        No image has its cells marked, they are not what `check_labels` accepts, or one image
        cannot be read.
    LeakageError
        The counter was trained on one of the images.
    """
    labelled = images.labelled()
    if not len(labelled):
        raise InputError(
            f"No image of {images.folder} has its cells marked.",
            expected="images with cell centres in points.csv",
            found=f"{len(images)} unlabelled images",
            remedy="use `adaptoscope count predict` for images without labels",
        )
    check_labels(labelled)
    seen = {} if allow_training_images else model.record.training_images
    rows = []
    for record in progress(labelled, "evaluate"):
        image = labelled.read(record)
        _refuse_seen(image, seen, model.name)
        counted = count_cells(model, image)
        true = labelled.points(record)
        match = _match(counted, true, record, image)
        rows.append(EvaluatedImage(record.name, counted.count, float(len(true)), match))
    return summarise(rows, seed=seed, resamples=resamples)


def summarise(
    rows: Sequence[EvaluatedImage], *, seed: int = 0, resamples: int = 10_000
) -> Evaluation:
    """Turn the rows of single images into errors with their interval."""
    predicted, true = [row.predicted for row in rows], [row.true for row in rows]
    absolute = np.abs(np.array(predicted) - np.array(true))
    matches = [row.match for row in rows if row.match is not None]
    return Evaluation(
        errors=count_errors(predicted, true),
        mae_interval=bootstrap_interval(absolute, seed=seed, resamples=resamples),
        f1=pooled_f1(matches) if matches else None,
        images=tuple(rows),
    )


def _match(
    counted: ImageCount, true: Points, record: ImageRecord, image: MicroscopyImage
) -> PointMatch | None:
    """Match within half a cell, whose size does not depend on the counter: figures compare."""
    if counted.points is None or not (len(true) or len(counted.points)):
        return None
    diameter = record.cell_diameter_px or _measured_diameter(image)
    return match_points(counted.points, true, diameter / 2)


def _measured_diameter(image: MicroscopyImage) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        diameter = estimate_diameter(image.pixels)
    return diameter if np.isfinite(diameter) else _DIAMETER


def _refuse_seen(image: MicroscopyImage, seen: dict[str, str], model: str) -> None:
    if image.sha256 in seen:
        raise LeakageError(
            f"The counter {model} was trained on the image {image.name}.",
            expected="images that the counter has not seen",
            found=f"the pixels of its training image {seen[image.sha256]}",
            remedy="evaluate on another split, for example --split test",
        )
