"""Fine-tuning in minutes: a short training from a counter, and which of the two is nearer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptoscope.datasets.folds import group_count, grouped_folds, split_by_fold
from adaptoscope.errors import SettingsError, shortened

if TYPE_CHECKING:
    from adaptoscope.counting.judgement import Judgement
    from adaptoscope.counting.model_folder import CountingModel
    from adaptoscope.datasets.counted_images import CountedImageSet

STEPS = 200
"""Steps of a fine-tuning. On ten marked images of IDCIA, five trainings of 300 steps and their
counts would take more than five minutes on two cores."""

FOLDS = 4
"""Parts of a cross-validation that nobody chose: three quarters of the images teach each time."""


def counter_to_begin_as(start: str, head: str, init: str | None, device: str) -> CountingModel:
    """Load the counter that a training with a head begins as.

    Raises
    ------
    SettingsError
        If it is no counter with the head `centres`, or two starts are asked for.
    """
    from adaptoscope.counting.model_folder import load_counter

    if init is not None:
        raise SettingsError(
            "Two starts are asked for.",
            expected="--start, a counter, or --init, weights",
            found=f"--start {shortened(start, 80)} and --init {shortened(init, 80)}",
            remedy="leave --init out",
        )
    if head != "centres":
        raise SettingsError(
            f"A counter with the head {head} cannot begin as another counter.",
            expected="the head centres with --start and --judge",
            found=head,
            remedy="leave --head out",
        )
    model = load_counter(start, device=device)
    if model.kind.head != "centres":
        raise SettingsError(
            f"A training cannot begin as the counter {shortened(start, 80)}.",
            expected="nuclei, or a model folder whose head is centres",
            found=f"the kind {model.record.kind}",
            remedy="choose --start nuclei",
        )
    return model


def folds_to_judge(model: CountingModel, real: CountedImageSet, folds: int | None) -> int:
    """Return the number of folds, after all that can be refused before minutes of training.

    Raises
    ------
    InputError
        If the images are too few, or all of one group.
    LeakageError
        If the counter has seen one of them, so that it would look better than it is.
    """
    from adaptoscope.counting.evaluate import refuse_seen

    images = _labelled(real)
    for record in images:
        refuse_seen(images.read(record), model.record.training_images, model.name)
    number = folds or max(2, min(FOLDS, group_count(images.records)))
    grouped_folds(images.records, number, 0)
    return number


def fit_without_each(out: Path, head: str, real: CountedImageSet, *, folds: int, seed: int) -> None:
    """Fit a counter without each part of the images, in ``out/folds``."""
    from adaptoscope.counting.cross_fitting import FOLDER
    from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline

    images = _labelled(real)
    divided = grouped_folds(images.records, folds, seed)
    for number in range(folds):
        part = split_by_fold(images, divided, number).training_part()
        settings = BaselineSettings(method=head)
        train_baseline(settings, out / FOLDER / str(number), real=part, overwrite=True)


def judge_trained(
    out: Path, old: CountingModel, real: CountedImageSet, *, folds: int, seed: int
) -> Judgement:
    """Compare a counter with those in ``out/folds``, and write what came of it to `out`."""
    from adaptoscope.counting.cross_fitting import FOLDER
    from adaptoscope.counting.judgement import judge_counter, write_judgement
    from adaptoscope.counting.model_folder import load_counter

    images = _labelled(real)
    found = judge_counter(
        old,
        lambda number: load_counter(out / FOLDER / str(number)),
        images,
        grouped_folds(images.records, folds, seed),
        seed=seed,
    )
    write_judgement(out, found)
    return found


def fine_tuning(values: Any) -> Any:
    """Return settings with the few steps of a fine-tuning, unless they say how long."""
    if not isinstance(values, dict) or {"steps", "epochs"} & values.keys():
        return values
    return {**values, "steps": STEPS}


def _labelled(real: CountedImageSet) -> CountedImageSet:
    """Return the labelled images that a training with folds learns from."""
    from adaptoscope.counting.cross_fitting import as_training

    return as_training(real).training_part().labelled()
