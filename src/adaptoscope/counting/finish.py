"""The end of a training: measure the counter on validation images and write its model folder."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from adaptoscope.counting.calibration import Calibration, calibrate
from adaptoscope.counting.counters import Counter
from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.cross_fitting import LeftOut, as_training
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.model_card import model_card
from adaptoscope.counting.model_folder import (
    CountingModel,
    ModelRecord,
    network_counter,
    write_model,
)
from adaptoscope.counting.outside import KnownImages, known_images
from adaptoscope.counting.reading import DensityReading, choose_reading
from adaptoscope.counting.settings import (
    AnyCountingSettings,
    CountingSettings,
    DensitySettings,
    RegressorSettings,
)
from adaptoscope.counting.training_images import measured_diameter
from adaptoscope.datasets.counted_images import CountedImageSet


def finish_network(
    folder: Path,
    settings: AnyCountingSettings,
    network: nn.Module,
    seen: Sequence[TrainingImages],
    real: CountedImageSet,
    left_out: LeftOut | None = None,
) -> None:
    """Write the model folder of a trained network.

    Parameters
    ----------
    folder
        The run folder.
    settings
        How the network was trained.
    network
        The trained network.
    seen
        The training images of every phase, the real ones last.
    real
        The real set; its split ``val`` is measured.
    left_out
        What is known from cross-validation, which comes before the split ``val``.
    """
    intensity = seen[-1].intensity
    facts = ModelRecord(
        kind="count_regressor" if isinstance(settings, RegressorSettings) else settings.head,
        regime=settings.regime,
        init=settings.init,
        crop=settings.crop,
        pooling=settings.pooling if isinstance(settings, RegressorSettings) else None,
        working_diameter_px=None if isinstance(settings, RegressorSettings) else settings.diameter,
        normalisation=settings.normalisation,
        intensity={str(real.channel or 0): (intensity.low, intensity.high)},
        channel=real.channel,
        diameter_px=seen[-1].diameter_px,
        pixel_size_um=seen[-1].pixel_size_um,
        training_images={sha: name for images in seen for name, sha in images.hashes.items()},
    )
    if left_out is not None:
        facts = facts.changed(reading=left_out.reading)
    elif isinstance(settings, DensitySettings):
        facts = facts.changed(reading=_reading_of(settings, facts, network, real))
    counter = network_counter(facts, network)
    taught = _taught(settings, seen, real)
    finish(folder, facts, counter, real, taught=taught, weights=network, left_out=left_out)


def _reading_of(
    settings: DensitySettings, facts: ModelRecord, network: nn.Module, real: CountedImageSet
) -> DensityReading:
    """Choose how a density is read on the labelled real images that were trained on, and `val`.

    A few validation images alone are often of a few cultures, whose annotation is their own. A
    teacher's training reads no label, so nothing is chosen by labels after it.
    """
    usual = DensityReading(count=settings.count)
    if settings.mode == "teacher":
        return usual
    counter = network_counter(facts.changed(reading=usual), network)
    if not isinstance(counter, DensityCounter):
        raise TypeError(f"a network of the kind {facts.kind} draws no density")
    counted = as_training(real).training_part().labelled()
    own = counted.with_records(record for record in counted if not record.synthetic)
    return fitted_reading(counter, own)


def fitted_reading(counter: DensityCounter, counted: CountedImageSet) -> DensityReading:
    """Choose how a density is read on counted images; without any, leave it as it is.

    Parameters
    ----------
    counter
        The counter, whose own reading is the default.
    counted
        Images with their cells marked.
    """
    surveys = [counter.survey(counted.read(record).pixels) for record in counted]
    counts = [len(counted.points(record)) for record in counted]
    return choose_reading(surveys, counts, counter.reading) if surveys else counter.reading


def finish(
    folder: Path,
    facts: ModelRecord,
    counter: Counter,
    real: CountedImageSet,
    *,
    taught: str = "",
    weights: nn.Module | None = None,
    left_out: LeftOut | None = None,
) -> None:
    """Measure a counter on the validation split, where there is one, and write its folder.

    Parameters
    ----------
    folder
        The run folder.
    facts
        What is known of the counter, without what is measured here.
    counter
        The counter.
    real
        The real set.
    taught
        What it was trained on, in words; the number of images if not given.
    weights
        The network whose weights are written.
    left_out
        What is known from cross-validation, in place of measuring.
    """
    if left_out is None:
        measured, calibration = _measure(facts, counter, real)
    else:
        measured, calibration = left_out.measured, left_out.calibration
    known = looks_of(real.training_part().labelled(), facts.diameter_px)
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
    state = None if weights is None else weights.state_dict()
    write_model(folder, complete, card=card, weights=state)


def looks_of(images: CountedImageSet, diameter_px: float | None) -> KnownImages | None:
    """Describe labelled images as `known_images` does.

    Parameters
    ----------
    images
        The images.
    diameter_px
        Their cell diameter in pixels; None measures each.
    """
    pixels = (images.read(record).pixels for record in images)
    counts = [float(len(images.points(record))) for record in images]
    if diameter_px is not None:
        return known_images(pixels, counts, [diameter_px] * len(counts))
    sizes = [measured_diameter(images.read(record).pixels) or math.nan for record in images]
    return known_images(pixels, counts, sizes)


def _taught(
    settings: CountingSettings, seen: Sequence[TrainingImages], real: CountedImageSet
) -> str:
    """Say what each phase was trained on, and for how long."""
    last = f"{len(seen[-1].hashes)} images from {real.folder.name} ({settings.steps} steps)"
    if len(seen) == 1:
        return last
    return f"{len(seen[0].hashes)} synthetic images ({settings.pretrain_steps} steps), then {last}"


def _measure(
    facts: ModelRecord, counter: Counter, real: CountedImageSet
) -> tuple[dict[str, float] | None, Calibration | None]:
    validation = real.with_records(real.images_of("val")).labelled()
    if not len(validation):
        return None, None
    result = evaluate_counter(CountingModel(facts.kind, facts, counter), validation)
    predicted = np.array([row.predicted for row in result.images])
    true = np.array([row.true for row in result.images])
    errors = result.errors.as_dict()
    measured = {name: float(value) for name, value in errors.items() if math.isfinite(value)}
    return measured, calibrate(predicted, true)
