"""Teach a network with source pairs in the look of the target: no target stain is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from adaptoscope.adaptation.adapted_model import (
    AdaptationRun,
    check_domains,
    check_model,
    choose_interval,
    names_by_hash,
)
from adaptoscope.adaptation.appearance_estimate import LookEstimate, describe_look, estimate_look
from adaptoscope.adaptation.baseline_settings import RestyledSettings
from adaptoscope.adaptation.fine_tuning import learn_on
from adaptoscope.adaptation.restyling import measure_restyling, restyle
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import hash_pixels, write_json
from adaptoscope.training.step_loop import Device
from adaptoscope.translation.fields import Field
from adaptoscope.translation.model_folder import LOOK
from adaptoscope.translation.trained_model import StainModel


def teach_restyled(
    settings: RestyledSettings,
    out: Path,
    *,
    model: StainModel,
    source: Sequence[Field],
    target: Sequence[Field],
    look: LookEstimate | None = None,
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Restyle the source pairs, whose stains were read, and let the network learn on from them.

    No stain of the target is looked at. `look` is what it looks like, where `estimate_look` was
    asked already; the settings name magnification and contrast where they are known.
    """
    check_model(model)
    check_stains(model, source)
    images = check_domains(model, source, target)
    run = AdaptationRun(
        settings,
        out,
        model,
        images,
        stains=hashes_of_stains(source),
        device=device,
        overwrite=overwrite,
    )
    if run.finished:
        return out
    interval = choose_interval(settings.intensities, model, target)
    if look is None:
        network = model.network.to(run.fabric.device)
        look = estimate_look(network, interval, source, target, scale=settings.scale)
    contrast = look.best if settings.contrast == "auto" else settings.contrast
    how = measure_restyling(source, target, scale=look.scales[contrast], contrast=contrast)
    write_json(out / LOOK, {**how.describe(), **describe_look(look)})
    fields = [restyle(field, how) for field in source]
    network = learn_on(run, model, fields, interval, "restyled pairs")
    learnt_from = names_by_hash(target) | names_by_hash(fields)
    record = run.record(target, interval, learnt_from=learnt_from)
    taught = (
        f"{len(fields)} source images with their stains, restyled after {len(target)} images "
        f"without stains ({how.words}), from the network {model.name}"
    )
    return run.write(record, network, taught)


def restyle_again(out: Path, source: Sequence[Field], target: Sequence[Field]) -> list[Field]:
    """Restyle source fields as a finished run of `teach_restyled` did, from the same fields."""
    said = json.loads((out / LOOK).read_text("utf-8"))
    how = measure_restyling(
        source, target, scale=said[said["contrast"]]["scale"], contrast=said["contrast"]
    )
    return [restyle(field, how) for field in source]


def hashes_of_stains(fields: Sequence[Field]) -> list[str]:
    """Return the SHA-256 of the decoded pixels of every stain that was read."""
    return [
        hash_pixels(plane) for field in fields if field.stains is not None for plane in field.stains
    ]


def check_stains(model: StainModel, source: Sequence[Field]) -> None:
    """Refuse source fields whose stains were not read."""
    if all(field.stains is not None for field in source):
        return
    raise InputError(
        "Restyled pairs need the stains of the source.",
        expected=f"source pairs with {', '.join(model.record.stains)}, as listed by pairs.csv",
        found="images without stains",
        remedy="name the folder of the pairs that the network learnt from with --source, or choose "
        "another --method",
    )
