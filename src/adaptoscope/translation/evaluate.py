"""How well a network predicts the stains of fields whose truth is known."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.metrics.correlation import pearson_after
from adaptoscope.metrics.intervals import Interval, mean_over_images
from adaptoscope.metrics.stain_agreement import (
    StainAgreement,
    StainedImage,
    compare_stains,
    stain_agreement,
)
from adaptoscope.training.progress import progress
from adaptoscope.translation.fields import Field
from adaptoscope.translation.model_folder import Predictor
from adaptoscope.translation.predict import predict_stains, refuse_other_depth

FloatImage = NDArray[np.float32]
Predict = Callable[[Field], FloatImage]


@dataclass(frozen=True)
class StainEvaluation:
    """Agreement of predicted with true stains over the fields of a set.

    Parameters
    ----------
    names
        Base names of the fields, in order.
    images
        By name of the stain, one entry per field.
    after_baseline
        By name of the stain, Pearson of what is left after a trivial guess, per field; empty
        without one.
    """

    names: tuple[str, ...]
    images: dict[str, tuple[StainedImage, ...]]
    after_baseline: dict[str, tuple[float, ...]]

    @property
    def stains(self) -> dict[str, StainAgreement]:
        """The figures of each stain."""
        with _nan_says_it():
            return {stain: stain_agreement(images) for stain, images in self.images.items()}

    @property
    def pearson_by_field(self) -> NDArray[np.float64]:
        """Mean over stains of Pearson's correlation of each field, shape (N,); NaN without any."""
        table = np.array([[image.pearson for image in row] for row in self.images.values()])
        known = np.sum(~np.isnan(table), axis=0)
        sums = np.nansum(table, axis=0)
        return np.where(known > 0, sums / np.maximum(known, 1), np.nan)

    @property
    def pearson(self) -> Interval:
        """Mean over fields of `pearson_by_field`, with its 95 % bootstrap interval."""
        with _nan_says_it():
            return mean_over_images(self.pearson_by_field)

    def as_dict(self) -> dict[str, object]:
        """Return the figures as `stain evaluate --json` prints them.

        Those at the top are means over stains; the interval is over fields, of which
        there must be two.
        """
        stains, over = self.stains, self.pearson
        by_stain, agreements = {s: each.as_dict() for s, each in stains.items()}, stains.values()
        with _nan_says_it():
            for stain, values in self.after_baseline.items():
                by_stain[stain]["pearson_after_baseline"] = float(np.nanmean(values))
        return {
            "n": len(self.names),
            "pearson": over.value,
            "pearson_interval": [over.lower, over.upper],
            "ssim": float(np.mean([each.ssim for each in agreements])),
            "psnr": float(np.mean([each.psnr for each in agreements])),
            "nrmse": float(np.mean([each.nrmse for each in agreements])),
            "constant": sum(each.constant for each in agreements),
            "stains": by_stain,
        }


@contextmanager
def _nan_says_it() -> Iterator[None]:
    """Give no warning where images without a correlation are counted as `constant`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def evaluate_translator(
    model: Predictor,
    fields: Sequence[Field],
    *,
    predict: Predict | None = None,
    baseline: FloatImage | None = None,
    description: str = "stain evaluate",
) -> StainEvaluation:
    """Predict fields and compare them with their truth, in shares of the stored range.

    `predict` stands for the network in baselines. `baseline` is a trivial guess of the stains of
    every field, shape (S, H, W).
    """
    say = predict or (lambda field: predict_stains(model, field.pixels))
    intervals = model.record.intensities.stains
    images: dict[str, list[StainedImage]] = {stain: [] for stain in intervals}
    after: dict[str, list[float]] = (
        {stain: [] for stain in intervals} if baseline is not None else {}
    )
    for field in progress(fields, description, unit="image"):
        refuse_other_depth(model, field.name, field.bit_depth)
        predicted, true = say(field), field.truth
        for place, (stain, interval) in enumerate(intervals.items()):
            span = interval.high - interval.low
            images[stain].append(compare_stains(predicted[place], true[place], data_range=span))
            if baseline is not None:
                after[stain].append(pearson_after(predicted[place], true[place], baseline[place]))
    return StainEvaluation(
        tuple(field.name for field in fields),
        {stain: tuple(found) for stain, found in images.items()},
        {stain: tuple(found) for stain, found in after.items()},
    )


def join_evaluations(parts: Sequence[StainEvaluation]) -> StainEvaluation:
    """Return the evaluation of the fields of at least one evaluation of one network."""
    first = parts[0]
    return StainEvaluation(
        tuple(name for part in parts for name in part.names),
        {
            stain: tuple(each for part in parts for each in part.images[stain])
            for stain in first.images
        },
        {
            stain: tuple(each for part in parts for each in part.after_baseline[stain])
            for stain in first.after_baseline
        },
    )
