"""Let a trained network learn on from images with their stains."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from adaptoscope.adaptation.adapted_model import AdaptationRun
from adaptoscope.adaptation.baseline_settings import TeachingSettings
from adaptoscope.pretrained.weights_files import refuse_diverged
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.settings import TranslationSettings
from adaptoscope.translation.train_pairs import PairedStep
from adaptoscope.translation.trained_model import StainModel, ready_to_predict
from adaptoscope.translation.unet import StainUNet


def learn_on(
    run: AdaptationRun,
    model: StainModel,
    fields: Sequence[Field],
    interval: IntensityInterval,
    name: str,
) -> StainUNet:
    """Train a copy of `model` on fields with stains; `interval` becomes -1 and 1 in the images."""
    intensities = model.record.intensities.changed(given=interval)
    how = training_of(run.settings, model.record)
    step = PairedStep(how, fields, intensities, run.fabric, copy.deepcopy(model.network))
    run.train(step, name)
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
