"""What counters trained on parts of the images say of the images left out, for the one to use.

How the density is read and how wide intervals are is then judged on every labelled image, and the
counter itself is trained on all of them.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.counting.calibration import Calibration, calibrate, measured_errors
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.counting.post_processing import DensityReading, DensitySurvey, choose_reading
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.folds import grouped_folds, split_by_fold
from adaptoscope.errors import InputError
from adaptoscope.training.progress import part_of, progress

FOLDER = "folds"


@dataclass(frozen=True)
class LeftOut:
    """What is known from images that were left out of a training.

    Parameters
    ----------
    reading
        How densities are read best; None for a counter that has none.
    calibration
        For intervals; None where there are too few images.
    """

    reading: DensityReading | None
    measured: dict[str, float]
    calibration: Calibration | None


def count_left_out(
    images: CountedImageSet,
    folds: int,
    seed: int,
    out: Path,
    train: Callable[[CountedImageSet, Path], Path],
) -> LeftOut:
    """Train a counter for each fold of the images and count what it has not seen.

    Parameters
    ----------
    out
        Folder in which ``folds/0`` and so on stand, each a model folder.
    train
        Trains a counter on the split ``train`` of a set, into a folder. A finished one is kept.
    """
    divided = grouped_folds(images.records, folds, seed)
    surveys: list[DensitySurvey] = []
    predicted: list[float] = []
    true: list[int] = []
    for number in range(folds):
        parts = split_by_fold(images, divided, number)
        with part_of(f"fold {number + 1} of {folds}"):
            model = load_counter(train(_without_test(parts), out / FOLDER / str(number)))
            left_out = parts.split("test")
            for record in progress(left_out, "count"):
                true.append(len(left_out.points(record)))
                counted = model.counter.count(left_out.read(record).pixels)
                predicted.append(counted.count)
                if counted.survey is not None:
                    surveys.append(counted.survey)
    reading = None
    if surveys:
        usual = model.record.reading or DensityReading()
        reading = choose_reading(surveys, true, DensityReading(count=usual.count))
        predicted = [survey.read(reading)[0] for survey in surveys]
    calibration = calibrate(predicted, true, origin="folds")
    return LeftOut(reading, measured_errors(predicted, true), calibration)


def as_training(images: CountedImageSet) -> CountedImageSet:
    """Return a set whose validation images are training images too."""
    return images.with_records(
        dataclasses.replace(record, split="train") if record.split == "val" else record
        for record in images.records
    )


def without_images(images: CountedImageSet, hidden: CountedImageSet) -> CountedImageSet:
    """Return a set without the images of another one, under whatever name."""
    kept_back, hashes = set(hidden.hashes().values()), images.hashes()
    left = [record for record in images if hashes[record.file_name] not in kept_back]
    if not left:
        raise InputError(
            f"All images of {images.folder} are left out of a fold.",
            expected="unlabelled images besides those that are counted in the fold",
            found=f"{len(images)} of them, all counted in it",
            remedy="give more unlabelled images, or set folds to 0",
        )
    return images.with_records(left)


def _without_test(images: CountedImageSet) -> CountedImageSet:
    return images.with_records(images.images_of("train"))
