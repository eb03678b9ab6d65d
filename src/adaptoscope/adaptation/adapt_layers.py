"""Adapt a network that predicts stains to images of another microscope, without their stains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from adaptoscope.adaptation.adapted_model import (
    AdaptationRun,
    check_domains,
    check_model,
    choose_interval,
)
from adaptoscope.adaptation.adversarial_step import LayerMatchingStep
from adaptoscope.adaptation.features import SourceFeatures
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.training.step_loop import Device
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import Preparation, measure_histogram, prepare_field
from adaptoscope.translation.trained_model import StainModel, ready_to_predict
from adaptoscope.translation.unet import BorrowedSkipsUNet


def adapt_translator(
    settings: AdaptationSettings,
    out: Path,
    *,
    model: StainModel,
    source: Sequence[Field],
    target: Sequence[Field],
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Learn the first layers of a network anew for target images, by matching features.

    Fields of both domains are of the network's bit depth; no stain is looked at. `out` becomes the
    model folder; a killed run goes on with the same call.
    """
    check_model(model)
    images = check_domains(model, source, target)
    run = AdaptationRun(settings, out, model, images, device=device, overwrite=overwrite)
    if run.finished:
        return out
    network = model.network.to(run.fabric.device)
    preparation = Preparation()
    if settings.intensities == "histogram":
        preparation = measure_histogram(field.pixels for field in source)
    choice: Literal["own", "source"] = "own" if settings.intensities == "own" else "source"
    interval = choose_interval(choice, model, target)
    known = SourceFeatures(network, source, model.record.intensities.given, settings)
    seen = [prepare_field(field, preparation) for field in target]
    step = LayerMatchingStep(settings, network, known, seen, interval, run.fabric)
    run.train(step, f"layer {', '.join(map(str, settings.layers))}")
    adapted = ready_to_predict(step.kept, model.record.norm_at_test)
    borrows = settings.skips == "frozen_source"
    if borrows:
        adapted = BorrowedSkipsUNet(adapted, network, settings.last)
        ready_to_predict(adapted, model.record.norm_at_test)
    record = run.record(
        target,
        interval,
        layers=settings.layers,
        skips="source" if borrows else "own",
        preparation=preparation,
    )
    taught = f"{len(target)} images without stains, from the network {model.name}"
    return run.write(record, adapted, taught)
