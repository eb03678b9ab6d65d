"""The end of a training or a fit: measure the counter on validation images, write its folder."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.calibration import Calibration, calibrate, measured_errors
from adaptoscope.counting.count_image import counts_cleaned
from adaptoscope.counting.counters import Counter
from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.model_card import model_card
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, write_model
from adaptoscope.counting.out_of_distribution import TrainingStatistics, known_images
from adaptoscope.counting.post_processing import DensityReading, choose_reading
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.images.artefacts import clean
from adaptoscope.images.blobs import measured_diameter

if TYPE_CHECKING:
    from adaptoscope.counting.cross_fitting import LeftOut


def fitted_reading(
    counter: Counter, usual: DensityReading, counted: CountedImageSet, *, cleaned: bool = False
) -> DensityReading:
    """Choose how a density is read on counted images; without any, leave it as usual.

    Parameters
    ----------
    cleaned
        Whether the counter will count images without what is no cell.
    """
    found = [counter.count(pixels).survey for pixels in _pixels_of(counted, cleaned=cleaned)]
    surveys = [survey for survey in found if survey is not None]
    counts = [len(counted.points(record)) for record in counted]
    return choose_reading(surveys, counts, usual) if surveys else usual


def finish(
    folder: Path,
    facts: ModelRecord,
    counter: Counter,
    real: CountedImageSet,
    *,
    taught: str = "",
    left_out: "LeftOut | None" = None,
    write: Callable[[ModelRecord, str], object] | None = None,
) -> None:
    """Measure a counter on the validation split, where there is one, and write its folder.

    Parameters
    ----------
    facts
        What is known of the counter, without what is measured here.
    taught
        What it was trained on, in words; the number of images if not given.
    write
        Writes a model folder from a complete record and the text of its card; by default that of a
        counter without a network.
    """
    if left_out is None:
        measured, calibration = _measure(facts, counter, real)
    else:
        measured, calibration = left_out.measured, left_out.calibration
    labelled = real.training_part().labelled()
    known = describe_training_images([labelled], facts.diameter_px, cleaned=counts_cleaned(facts))
    complete = facts.changed(measured=measured, calibration=calibration, known=known)
    made_from = {
        "trained on": taught or f"{len(facts.training_images)} images from {real.folder.name}",
        "regime": facts.regime or "fitted to counts",
        "encoder began as": facts.init or "no encoder",
        "cell diameter (px)": facts.diameter_px and round(facts.diameter_px, 1),
        "pixel size (um)": facts.pixel_size_um,
    }
    by_folds = left_out is not None
    card = model_card(f"Cell counter: {facts.kind}", made_from, measured, by_folds=by_folds)
    if write is None:
        write_model(folder, complete, card)
    else:
        write(complete, card)


def describe_training_images(
    sets: Iterable[CountedImageSet], diameter_px: float | None = None, *, cleaned: bool = False
) -> TrainingStatistics | None:
    """Describe labelled images as `known_images` does.

    Parameters
    ----------
    diameter_px
        Their cell diameter in pixels; None measures each.
    cleaned
        As for `fitted_reading`.
    """
    parts = list(sets)
    counts = [float(len(one.points(record))) for one in parts for record in one]

    def shown() -> Iterator[npt.NDArray[np.float32]]:
        return chain.from_iterable(_pixels_of(one, cleaned=cleaned) for one in parts)

    if diameter_px is not None:
        return known_images(shown(), counts, [diameter_px] * len(counts))
    return known_images(shown(), counts, [measured_diameter(each) or math.nan for each in shown()])


def _pixels_of(images: CountedImageSet, *, cleaned: bool) -> Iterator[npt.NDArray[np.float32]]:
    for record in images:
        pixels = images.read(record).pixels
        yield clean(pixels).pixels if cleaned else pixels


def _measure(
    facts: ModelRecord, counter: Counter, real: CountedImageSet
) -> tuple[dict[str, float] | None, Calibration | None]:
    validation = real.with_records(real.images_of("val")).labelled()
    if not len(validation):
        return None, None
    rows = evaluate_counter(CountingModel(facts.kind, facts, counter), validation).images
    predicted, true = [row.predicted for row in rows], [row.true for row in rows]
    return measured_errors(predicted, true), calibrate(predicted, true)
