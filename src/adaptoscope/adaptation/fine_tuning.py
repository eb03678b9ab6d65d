"""Let a trained network learn on from images with their stains."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from adaptoscope.adaptation.baseline_settings import TeachingSettings
from adaptoscope.pretrained.weights_files import refuse_diverged
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import run_steps
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.settings import TranslationSettings
from adaptoscope.translation.train_pairs import PairedStep
from adaptoscope.translation.trained_model import StainModel, ready_to_predict
from adaptoscope.translation.unet import StainUNet


def learn_on(
    settings: TeachingSettings,
    run: RunFolder,
    fabric: Any,
    model: StainModel,
    fields: Sequence[Field],
    interval: IntensityInterval,
    name: str,
) -> StainUNet:
    """Train a copy of a network on; a killed run goes on with the same call.

    Parameters
    ----------
    run
        Where checkpoints stand.
    model
        The network to begin with; it is left as it is.
    interval
        What becomes -1 and 1 in their images; stains keep the model's constants.
    """
    intensities = model.record.intensities.changed(given=interval)
    how = training_of(settings, model.record)
    step = PairedStep(how, fields, intensities, fabric, copy.deepcopy(model.network))
    run_steps(
        step,
        steps=settings.steps,
        state=step.state,
        run=run,
        save_every=settings.save_every,
        log_every=settings.log_every,
        description=f"stain adapt, {name}",
        seed=settings.seed,
    )
    refuse_diverged(step.network)
    return ready_to_predict(step.network, model.record.norm_at_test)


def training_of(settings: TeachingSettings, record: TranslatorRecord) -> TranslationSettings:
    """Return the settings of a training on pairs that goes on from a network."""
    shared = TeachingSettings.model_fields.keys() - {"intensities"}
    return TranslationSettings(
        width=record.width,
        norm=record.norm,
        norm_at_test=record.norm_at_test,
        **settings.model_dump(include=shared),
    )
