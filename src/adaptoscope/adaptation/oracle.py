"""The upper bound: fine-tune the whole network on target images with their stains.

It needs what an adaptation does without, and is here only to say how much there is to gain.
"""

from __future__ import annotations

from pathlib import Path

from adaptoscope.adaptation.adapted_model import (
    adapted_record,
    check_domain,
    check_model,
    interval_of,
)
from adaptoscope.adaptation.baseline_settings import OracleSettings
from adaptoscope.adaptation.fine_tuning import learn_on
from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.pretrained.weights_files import hash_of_network
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, start_fabric
from adaptoscope.translation.fields import read_fields
from adaptoscope.translation.finish import measure, translator_card
from adaptoscope.translation.model_folder import MODEL_FILES
from adaptoscope.translation.train_pairs import training_part
from adaptoscope.translation.trained_model import StainModel, write_translator


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

    Parameters
    ----------
    pairs
        Target pairs of one modality. Those of the split ``train`` are learnt from, or all where no
        pair is in a split; those of ``val`` are measured at the end.
    device
        Where to train.
    overwrite
        Discard a run with other settings or images in ``out``.

    Returns
    -------
    Path
        ``out``, now with weights, model.json and card, which say that stains were learnt from.
    """
    check_model(model)
    part = training_part(pairs)
    fields = read_fields(part, model.record.stains)
    check_domain(model, fields, "target")
    fabric = start_fabric(device)
    images = {sha: name for name, sha in part.hashes().items()}
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=MODEL_FILES)
    run.keep_inputs([hash_of_network(model.network), *images])
    if (out / "model.json").exists():
        return out
    run.record_environment(fabric.device)
    interval = interval_of(settings.intensities, model, fields)
    network = learn_on(settings, run, fabric, model, fields, interval, "oracle")
    record = adapted_record(
        model, fields, method=settings.method, learnt_from=images, interval=interval
    )
    measured = measure(
        StainModel(out.name, record, network), pairs, description="stain adapt: measure"
    )
    record = record.changed(measured=measured)
    taught = (
        f"{len(fields)} images of {part.folder.name} with their stains, {settings.steps} steps "
        f"of {settings.batch} from the network {model.name}"
    )
    write_translator(out, record, network, card=translator_card(record, taught))
    run.drop_checkpoint()
    return out
