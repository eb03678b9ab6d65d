"""Whether a counter that was trained counts better than the one before it, on images left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adaptoscope.counting.count_image import count_cells
from adaptoscope.counting.cross_fitting import FOLDER, parts_of_folds
from adaptoscope.counting.model_folder import MODEL_FILES, CountingModel, load_counter
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.imageio.atomic_files import write_json
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.paired import LEAST_COMPARED, compare_errors
from adaptoscope.training.progress import progress

JUDGEMENT = "judgement.json"
PARTS = (*MODEL_FILES, FOLDER, JUDGEMENT)
"""What a training or a fit leaves in its folder."""

# Normal quantiles of an interval of 95 % and of a power of 80 %, which planning usually takes.
_QUANTILES = 1.96 + 0.84
# Nobody marks more images than that by hand.
_MOST_NEEDED = 1000


@dataclass(frozen=True)
class Judgement:
    """Errors of two counters on the same images, which the new one had not learnt from.

    Parameters
    ----------
    against
        Name of the counter before.
    mae, mae_before
        Mean absolute errors in cells.
    difference
        The first minus the second, with its 95 % interval.
    needed
        About how many images would tell the two apart, if these are typical; None where the new
        one is not nearer, or where more than a thousand would be needed.
    """

    against: str
    images: int
    folds: int
    mae: float
    mae_before: float
    difference: Interval
    needed: int | None

    @property
    def is_better(self) -> bool:
        """Whether the interval says so, from images enough to mean something."""
        return self.images >= LEAST_COMPARED and self.difference.upper < 0

    def as_dict(self) -> dict[str, object]:
        """Return the content of ``judgement.json``."""
        found = self.difference
        return {
            "against": self.against,
            "images": self.images,
            "folds": self.folds,
            "mae": self.mae,
            "mae_before": self.mae_before,
            "difference": found.value,
            "interval": [found.lower, found.upper],
            "is_better": self.is_better,
            "images_needed": self.needed,
        }

    def in_words(self) -> str:
        """Say it to a person, with what to do next."""
        found = self.difference
        said = (
            f"Judged on {self.images} images, each counted by a counter that had not learnt from "
            f"it ({self.folds} parts): MAE {self.mae:.1f} cells, {self.against} "
            f"{self.mae_before:.1f}; difference {found.value:+.1f} (95 % interval "
            f"{found.lower:+.1f} to {found.upper:+.1f})."
        )
        if self.images < LEAST_COMPARED:
            return f"{said} Too few to tell: mark {LEAST_COMPARED} images or more."
        if self.is_better:
            return f"{said} The new counter is better."
        if found.lower > 0:
            return f"{said} {self.against} is better: keep it."
        if found.value >= 0:
            return f"{said} Not better: keep {self.against}."
        if self.needed is None:
            return f"{said} Not told apart, and more images are not likely to tell."
        return (
            f"{said} Not told apart: about {self.needed} images in all would tell, if these are"
            " typical."
        )


def judge_counter(
    out: Path,
    images: CountedImageSet,
    folds: int,
    seed: int,
    train: Callable[[CountedImageSet, Path], Path],
    before: CountingModel,
) -> Judgement:
    """Compare a way of training with the counter before it; the result stands in the folder.

    Parameters
    ----------
    out
        Model folder, in which ``folds/0`` and so on stand.
    images
        Labelled images; those of one group are left out together.
    train
        Trains a counter on the split ``train`` of a set, into a folder. A finished one is kept.
    """
    new: list[float] = []
    old: list[float] = []
    true: list[int] = []
    for number, part in parts_of_folds(images, folds, seed):
        model = load_counter(train(part.training_part(), out / FOLDER / str(number)))
        left_out = part.split("test")
        for record in progress(left_out, "judge"):
            image = left_out.read(record)
            new.append(count_cells(model, image).count)
            old.append(count_cells(before, image).count)
            true.append(len(left_out.points(record)))
    truth = np.array(true, dtype=float)
    errors = np.abs(np.array(new) - truth), np.abs(np.array(old) - truth)
    found = compare_errors(new, old, truth, seed=seed).difference
    judged = Judgement(
        before.name,
        len(true),
        folds,
        float(errors[0].mean()),
        float(errors[1].mean()),
        found,
        _needed(errors[0] - errors[1]),
    )
    write_json(out / JUDGEMENT, judged.as_dict())
    return judged


def _needed(differences: np.ndarray) -> int | None:
    """Return how many images a paired comparison needs by its normal approximation."""
    mean = float(differences.mean())
    if mean >= 0 or len(differences) < 2:
        return None
    number = math.ceil((_QUANTILES * float(differences.std(ddof=1)) / mean) ** 2)
    return number if number <= _MOST_NEEDED else None
