"""Stage 3 of an experiment: train every row with every seed, count the test images once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.counting.conventions import Conventions, by_conventions
from adaptoscope.counting.cross_fitting import as_training
from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline
from adaptoscope.counting.model_folder import CountingModel, load_counter
from adaptoscope.counting.regimes import train_counter
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import read_table
from adaptoscope.metrics.counts import CountErrors, count_errors
from adaptoscope.metrics.intervals import Interval, bootstrap_interval
from adaptoscope.metrics.paired import LEAST_COMPARED, paired_bootstrap
from adaptoscope.pipeline.few_labels import images_for_row
from adaptoscope.pipeline.protocols import FoldProtocol, Round
from adaptoscope.pipeline.rows import Row
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.training.progress import part_of
from adaptoscope.training.settings import read_settings
from adaptoscope.training.step_loop import Device


@dataclass(frozen=True, eq=False)
class RowResult:
    """What one row of the table came to.

    Parameters
    ----------
    row
        The row.
    true
        Their cells, shape (N,).
    predicted
        Counts by seed, shape (seeds, N).
    labels
        Labelled real images that it used; in folds, their mean.
    fold
        Fold of each image, from 0, shape (N,); None where there is one round.
    steps
        Optimiser steps of its network with the first seed; None where none is trained.
    """

    row: Row
    images: tuple[str, ...]
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]
    labels: float = 0.0
    fold: NDArray[np.int64] | None = None
    steps: int | None = None

    @property
    def mae_by_seed(self) -> tuple[float, ...]:
        """Mean absolute error of each seed, in cells."""
        return tuple(float(mae) for mae in np.abs(self.predicted - self.true).mean(axis=1))

    @property
    def spread(self) -> float:
        """Largest mean absolute error of a seed minus the smallest, in cells."""
        return max(self.mae_by_seed) - min(self.mae_by_seed)

    @property
    def off_by(self) -> NDArray[np.float64]:
        """Absolute error of each image, the mean over the seeds, shape (N,)."""
        each: NDArray[np.float64] = np.abs(self.predicted - self.true).mean(axis=0)
        return each

    def errors(self) -> CountErrors:
        """Return the errors, each the mean over the seeds."""
        each = [count_errors(predicted, self.true).as_dict() for predicted in self.predicted]
        means = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
        return CountErrors(**{**means, "n": len(self.true)})  # type: ignore[arg-type]

    @property
    def enough(self) -> bool:
        """Whether the images are so many that an interval, or a rank among rows, says anything."""
        return len(self.true) >= LEAST_COMPARED

    def interval(self) -> Interval:
        """Return the 95 % bootstrap interval of the MAE over images, seeds averaged per image."""
        return bootstrap_interval(self.off_by, seed=0)

    def against(self, reference: "RowResult") -> Interval:
        """Return this row's MAE minus the reference's, with its 95 % paired bootstrap interval."""
        return paired_bootstrap(self.off_by, reference.off_by, seed=0)


def pooled(parts: Sequence[RowResult]) -> RowResult:
    """Join what one row came to in every fold: all its images, each seed apart.

    Parameters
    ----------
    parts
        Of one row, one for each fold.
    """
    return RowResult(
        row=parts[0].row,
        images=tuple(name for part in parts for name in part.images),
        true=np.concatenate([part.true for part in parts]),
        predicted=np.concatenate([part.predicted for part in parts], axis=1),
        labels=float(np.mean([part.labels for part in parts])),
        fold=np.repeat(np.arange(len(parts)), [len(part.true) for part in parts])
        if len(parts) > 1
        else None,
        steps=parts[0].steps,
    )


def run_row(
    settings: ExperimentSettings,
    row: Row,
    one: Round,
    synthetic: CountedImageSet | None,
    device: Device,
) -> RowResult:
    """Train or fit one row with every seed and count the test images.

    Parameters
    ----------
    row
        The row.
    one
        The real images with their splits, and the folder that ``models/`` and ``counts/`` stand in.
    synthetic
        The synthetic images of the row; those that screening rejected stay out.
    device
        Where to train.
    """
    seeds = settings.seeds if row.varies else settings.seeds[:1]
    tables = []
    for seed in seeds:
        with part_of(f"seed {seed}"):
            tables.append(_count_test_images(settings, row, seed, one, synthetic, device))
    names, true = tables[0][0], tables[0][1]
    if any(table[0] != names for table in tables):
        raise InputError(
            f"The counts of {row.name} in {one.folder} belong to different images.",
            expected="the same test images for every seed",
            found="different names",
            remedy="run the experiment into an empty folder",
        )
    predicted = np.stack([predicted for _, _, predicted in tables])
    labels = _labels_of(settings, row, one.real)
    steps = None
    if row.learns:
        trained = read_settings(_folder_of(row, seeds[0], one) / "settings.yaml")
        steps = trained["steps"] + trained["pretrain_steps"]
    return RowResult(row, names, true, predicted, labels, steps=steps)


def _folder_of(row: Row, seed: int, one: Round) -> Path:
    return one.folder / "models" / _name_of(row, seed)


def _name_of(row: Row, seed: int) -> str:
    return f"{row.slug}-seed{seed}" if row.varies else row.slug


def _labels_of(settings: ExperimentSettings, row: Row, real: CountedImageSet) -> float:
    """Count the labelled real images that a row uses; a network is calibrated on `val`."""
    training, validating = (
        sum(bool(record.labelled) for record in real.images_of(split)) for split in ("train", "val")
    )
    both = row.learns or isinstance(settings.protocol, FoldProtocol)
    own = row.labelled if row.labelled is not None else training + both * validating
    chosen_by = training if settings.labels_choose_style(row) else 0
    return float(max(own if row.uses_labels else 0, chosen_by))


def _count_test_images(
    settings: ExperimentSettings,
    row: Row,
    seed: int,
    one: Round,
    synthetic: CountedImageSet | None,
    device: Device,
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    table = one.folder / "counts" / f"{_name_of(row, seed)}.csv"
    if not table.exists():
        shown = images_for_row(row, one.real, seed)
        folder = _folder_of(row, seed, one)
        model = _counter_of(settings, row, seed, shown, synthetic, folder, device)
        table.parent.mkdir(parents=True, exist_ok=True)
        evaluate_counter(model, one.real.split("test")).write_table(table)
    return _read_counts(table)


def _counter_of(
    settings: ExperimentSettings,
    row: Row,
    seed: int,
    real: CountedImageSet,
    synthetic: CountedImageSet | None,
    folder: Path,
    device: Device,
) -> CountingModel:
    """Return the counter of a row: as it is shipped, or trained unless that was done before."""
    if row.method == "nuclei":
        return by_conventions(load_counter("nuclei"), Conventions(row.edges))
    if not (folder / "model.json").exists():
        _train(settings, row, seed, real, synthetic, folder, device)
    return by_conventions(load_counter(folder), Conventions(row.edges))


def _train(
    settings: ExperimentSettings,
    row: Row,
    seed: int,
    real: CountedImageSet,
    synthetic: CountedImageSet | None,
    folder: Path,
    device: Device,
) -> None:
    if not row.learns:
        method = "nuclei" if row.method == "nuclei_fitted" else row.method
        shown = as_training(real) if isinstance(settings.protocol, FoldProtocol) else real
        train_baseline(BaselineSettings.model_validate({"method": method}), folder, real=shown)
        return
    training = settings.training_of(row, seed)
    unlabelled = real if training.checkpoint == "steadiest" else None
    if synthetic is not None and not row.uses_labels and row.mode != "teacher":
        real, synthetic = synthetic, None
    train_counter(
        training,
        folder,
        real=real,
        synthetic=synthetic,
        unlabelled=unlabelled,
        device=device,
    )


def _read_counts(
    table: Path,
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    rows = read_table(table).rows
    names = tuple(row["image"] for row in rows)
    true = np.array([float(row["true"]) for row in rows])
    return names, true, np.array([float(row["predicted"]) for row in rows])
