"""Adapt a network that predicts stains to images of another microscope, without their stains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from adaptoscope.adaptation.adapted_model import (
    adapted_record,
    check_domains,
    check_model,
    interval_of,
)
from adaptoscope.adaptation.adversarial_step import LayerMatchingStep
from adaptoscope.adaptation.features import SourceFeatures
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.pretrained.weights_files import hash_of_network
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, run_steps, start_fabric
from adaptoscope.translation.fields import Field
from adaptoscope.translation.finish import translator_card
from adaptoscope.translation.intensities import Preparation, measure_histogram, prepared_field
from adaptoscope.translation.model_folder import MODEL_FILES
from adaptoscope.translation.trained_model import StainModel, ready_to_predict, write_translator
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

    Parameters
    ----------
    out
        Run folder, which becomes the model folder of the adapted network.
    source
        Fields of the microscope that it learnt from. No stain is looked at.
    target
        Fields of the other microscope, of the same bit depth. No stain is looked at.
    device
        Where to train.
    overwrite
        Discard a run with other settings or images in ``out``.

    Returns
    -------
    Path
        ``out``, now with weights, model.json and card. A killed run goes on with the same call.
    """
    check_model(model)
    images = check_domains(model, source, target)
    fabric = start_fabric(device)
    network = model.network.to(fabric.device)
    preparation = Preparation()
    if settings.intensities == "histogram":
        preparation = measure_histogram(field.pixels for field in source)
    choice: Literal["own", "source"] = "own" if settings.intensities == "own" else "source"
    interval = interval_of(choice, model, target)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=MODEL_FILES)
    run.keep_inputs([hash_of_network(network), *images])
    if (out / "model.json").exists():
        return out
    run.record_environment(fabric.device)
    known = SourceFeatures(network, source, model.record.intensities.given, settings)
    seen = [prepared_field(field, preparation) for field in target]
    step = LayerMatchingStep(settings, network, known, seen, interval, fabric)
    run_steps(
        step,
        steps=settings.steps,
        state=step.state,
        run=run,
        save_every=settings.save_every,
        log_every=settings.log_every,
        description=f"stain adapt, layer {', '.join(map(str, settings.layers))}",
        seed=settings.seed,
    )
    adapted = ready_to_predict(step.kept, model.record.norm_at_test)
    borrows = settings.skips == "frozen_source"
    if borrows:
        adapted = BorrowedSkipsUNet(adapted, network, settings.last)
        ready_to_predict(adapted, model.record.norm_at_test)
    record = adapted_record(
        model,
        target,
        method=settings.method,
        learnt_from=images,
        interval=interval,
        layers=settings.layers,
        skips="source" if borrows else "own",
        preparation=preparation,
    )
    taught = f"{len(target)} images without stains, from the network {model.name}"
    write_translator(out, record, adapted, card=translator_card(record, taught))
    run.drop_checkpoint()
    return out
