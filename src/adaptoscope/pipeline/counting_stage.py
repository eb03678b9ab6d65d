"""Stage 3 of an experiment: train every row with every seed, count the test images once."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.counting.regimes import train_counter
from adaptoscope.counting.settings import AnyCountingSettings
from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.metrics.counts import CountErrors, count_errors
from adaptoscope.metrics.intervals import Interval, bootstrap_interval
from adaptoscope.pipeline.settings import FOLDERS, ExperimentSettings, Row
from adaptoscope.training.progress import part_of
from adaptoscope.training.step_loop import Device


@dataclass(frozen=True, eq=False)
class RowResult:
    """What one row of the table came to.

    Parameters
    ----------
    row
        The row.
    images
        Names of the test images.
    true
        Their cells, shape (N,).
    predicted
        Counts by seed, shape (seeds, N).
    """

    row: Row
    images: tuple[str, ...]
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @property
    def mae_by_seed(self) -> tuple[float, ...]:
        """Mean absolute error of each seed, in cells."""
        return tuple(float(mae) for mae in np.abs(self.predicted - self.true).mean(axis=1))

    def errors(self) -> CountErrors:
        """Return the errors, each the mean over the seeds."""
        each = [count_errors(predicted, self.true).as_dict() for predicted in self.predicted]
        means = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
        return CountErrors(**{**means, "n": len(self.true)})  # type: ignore[arg-type]

    def interval(self) -> Interval:
        """Return the 95 % bootstrap interval of the MAE over images, seeds averaged per image."""
        return bootstrap_interval(np.abs(self.predicted - self.true).mean(axis=0), seed=0)


def run_row(
    settings: ExperimentSettings, row: Row, real: CountedImageSet, out: Path, device: Device
) -> RowResult:
    """Train or fit one row with every seed and count the test images.

    Parameters
    ----------
    settings
        The experiment.
    row
        The row.
    real
        The real images with their splits.
    out
        Run folder of the experiment; models stand in ``models/``, counts in ``counts/``.
    device
        Where to train.
    """
    seeds = settings.seeds if row.learns else settings.seeds[:1]
    tables = []
    for seed in seeds:
        with part_of(f"seed {seed}"):
            tables.append(_count_test_images(settings, row, seed, real, out, device))
    names, true = tables[0][0], tables[0][1]
    if any(table[0] != names for table in tables):
        raise InputError(
            f"The counts of {row.name} in {out} belong to different images.",
            expected="the same test images for every seed",
            found="different names",
            remedy="run the experiment into an empty folder",
        )
    return RowResult(row, names, true, np.stack([predicted for _, _, predicted in tables]))


def _count_test_images(
    settings: ExperimentSettings,
    row: Row,
    seed: int,
    real: CountedImageSet,
    out: Path,
    device: Device,
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    name = f"{row.slug}-seed{seed}" if row.learns else row.slug
    table = out / "counts" / f"{name}.csv"
    if not table.exists():
        model = out / "models" / name
        if not (model / "model.json").exists():
            _train(settings, row, seed, real, model, device)
        table.parent.mkdir(exist_ok=True)
        evaluate_counter(load_counter(model), real.split("test")).write_table(table)
    return _read_counts(table)


def _train(
    settings: ExperimentSettings,
    row: Row,
    seed: int,
    real: CountedImageSet,
    model: Path,
    device: Device,
) -> None:
    if row.method in ("constant", "otsu_watershed", "dog"):
        train_baseline(BaselineSettings(method=row.method), model, real=real)
        return
    synthetic = _synthetic(row, model.parents[1])
    if synthetic is not None and not row.real_labels:
        real, synthetic = synthetic, None
    how = row_settings(settings, row, seed)
    train_counter(how, model, real=real, synthetic=synthetic, device=device)


def row_settings(settings: ExperimentSettings, row: Row, seed: int) -> AnyCountingSettings:
    """Return the counting settings of a row: the experiment's, with what the row changes."""
    both = row.synthetic is not None and row.real_labels
    regime = row.regime if both else "supervised"
    begun = settings.pretrain_steps if regime == "fine_tuned" else 0
    base: AnyCountingSettings = settings.counting
    if row.method != "regressor":
        base = settings.spatial.changed(head=row.method)
    return base.changed(
        seed=seed,
        init=row.init or base.init,
        steps=row.steps or base.steps,
        regime=regime,
        pretrain_steps=begun,
    )


def _synthetic(row: Row, out: Path) -> CountedImageSet | None:
    """Open the synthetic images of a row; those that screening rejected stay out."""
    return open_counted_images(out / FOLDERS[row.synthetic]) if row.synthetic else None


def _read_counts(
    table: Path,
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = tuple(row["image"] for row in rows)
    true = np.array([float(row["true"]) for row in rows])
    return names, true, np.array([float(row["predicted"]) for row in rows])
