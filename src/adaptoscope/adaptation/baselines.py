"""What layer matching has to beat: no adaptation, other intensities, other statistics.

No weight is learnt. Each writes a model folder, which predicts as any other.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from adaptoscope.adaptation.adapted_model import (
    AdaptationRun,
    check_domain,
    check_model,
    choose_interval,
    names_by_hash,
)
from adaptoscope.adaptation.baseline_settings import AdaBNSettings, BaselineSettings
from adaptoscope.errors import SettingsError
from adaptoscope.training.batch_norm import measure_statistics
from adaptoscope.training.step_loop import Device
from adaptoscope.translation.crops import draw_given
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, Preparation, measure_histogram
from adaptoscope.translation.trained_model import StainModel, ready_to_predict
from adaptoscope.translation.unet import StainUNet

# Tells the random crops of the target from other streams of the same seed.
_TARGET_STREAM = 3


def adapt_without_learning(
    settings: BaselineSettings | AdaBNSettings,
    out: Path,
    *,
    model: StainModel,
    target: Sequence[Field],
    source: Sequence[Field] = (),
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Write a network whose weights are those of the source, for target images without stains.

    Only `histogram` looks at source fields.
    """
    check_model(model)
    check_domain(model, target, "target")
    seen = target if settings.method in ("own_range", "adabn") else ()
    if settings.method == "histogram":
        check_domain(model, source, "source")
        seen = source
    if isinstance(settings, AdaBNSettings):
        _refuse_unused_statistics(model)
    images = names_by_hash(seen)
    run = AdaptationRun(settings, out, model, images, device=device, overwrite=overwrite)
    if run.finished:
        return out
    network, preparation = model.network, Preparation()
    if isinstance(settings, AdaBNSettings):
        interval = choose_interval(settings.intensities, model, target)
        network = remeasure_statistics(network.to(run.fabric.device), target, interval, settings)
    else:
        interval, preparation = _intensities(settings, model, target, source)
    record = run.record(target, interval, preparation=preparation)
    return run.write(record, network, f"what {model.name} learnt from; no weight was changed")


def _intensities(
    settings: BaselineSettings, model: StainModel, target: Sequence[Field], source: Sequence[Field]
) -> tuple[IntensityInterval, Preparation]:
    """Return the constants of target images, and how images are prepared."""
    choice: Literal["own", "source"] = "own" if settings.method == "own_range" else "source"
    interval = choose_interval(choice, model, target)
    if settings.method == "per_image":
        return interval, Preparation(kind="per_image")
    if settings.method == "histogram":
        return interval, measure_histogram(field.pixels for field in source)
    return interval, Preparation()


def remeasure_statistics(
    network: StainUNet,
    fields: Sequence[Field],
    interval: IntensityInterval,
    settings: AdaBNSettings,
) -> StainUNet:
    """Return a copy whose batch normalisation knows other images; `interval` becomes -1 and 1."""
    device = next(network.parameters()).device

    def draw(index: int) -> torch.Tensor:
        rng = np.random.default_rng([settings.seed, _TARGET_STREAM, index])
        crops = draw_given(
            fields,
            interval,
            rng,
            batch=settings.batch,
            crop=settings.crop,
            flips=settings.flips,
        )
        return crops.to(device)

    adapted = copy.deepcopy(network)
    measure_statistics(adapted, draw, settings.batches)
    return ready_to_predict(adapted, "running")


def _refuse_unused_statistics(model: StainModel) -> None:
    record = model.record
    if record.norm == "batch" and record.norm_at_test == "running":
        return
    found = "instance normalisation" if record.norm == "instance" else "norm_at_test: batch"
    raise SettingsError(
        f"The method adabn changes nothing in the model {model.name}.",
        expected="batch normalisation that predicts with averages of training",
        found=f"{found}, which measures every image anew as it is",
        remedy="choose another method, or train a network with norm: batch",
    )
