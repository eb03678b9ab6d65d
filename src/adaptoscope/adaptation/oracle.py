"""The upper bound: fine-tune the whole network on target images with their stains.

It needs what an adaptation does without, and is here only to say how much there is to gain.
"""

from __future__ import annotations

from pathlib import Path

from adaptoscope.adaptation.adapted_model import (
    AdaptationRun,
    check_domain,
    check_model,
    choose_interval,
)
from adaptoscope.adaptation.baseline_settings import OracleSettings
from adaptoscope.adaptation.fine_tuning import learn_on
from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.training.step_loop import Device
from adaptoscope.translation.fields import read_fields
from adaptoscope.translation.finish import measure
from adaptoscope.translation.train_pairs import training_part
from adaptoscope.translation.trained_model import StainModel


def fine_tune(
    settings: OracleSettings,
    out: Path,
    *,
    model: StainModel,
    pairs: PairedStainSet,
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Fine-tune a network on pairs of the other microscope; a killed run goes on.

    Pairs are of one modality. Those of the split ``train`` are learnt from, or all where no pair is
    in a split; those of ``val`` are measured at the end.
    """
    check_model(model)
    part = training_part(pairs)
    fields = read_fields(part, model.record.stains)
    check_domain(model, fields, "target")
    images = {sha: name for name, sha in part.hashes().items()}
    run = AdaptationRun(settings, out, model, images, device=device, overwrite=overwrite)
    if run.finished:
        return out
    interval = choose_interval(settings.intensities, model, fields)
    network = learn_on(run, model, fields, interval, "oracle")
    record = run.record(fields, interval)
    adapted = StainModel(out.name, record, network)
    record = record.changed(measured=measure(adapted, pairs, description="stain adapt: measure"))
    taught = (
        f"{len(fields)} images of {part.folder.name} with their stains, {settings.steps} steps "
        f"of {settings.batch} from the network {model.name}"
    )
    return run.write(record, network, taught)
