"""Adapt in several ways and keep the one that is chosen without a stain of the target."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from adaptoscope.adaptation.adapted_model import AdaptationRun, check_domains
from adaptoscope.adaptation.layer_choice.candidates import Trial
from adaptoscope.adaptation.layer_choice.scores import (
    UNADAPTED,
    Candidate,
    Way,
    choose_way,
    score_candidates,
)
from adaptoscope.adaptation.layer_choice.settings import AutoSettings
from adaptoscope.adaptation.train_on_restyled import check_stains, hashes_of_stains
from adaptoscope.errors import DivergedError
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.pretrained.weights_files import hash_of_network
from adaptoscope.training.step_loop import Device
from adaptoscope.translation.fields import Field
from adaptoscope.translation.model_folder import CANDIDATES, CHOICE, LOOK
from adaptoscope.translation.trained_model import StainModel, load_translator

_How = TypeVar("_How")


def adapt_automatically(
    settings: AutoSettings,
    out: Path,
    *,
    model: StainModel,
    source: Sequence[Field],
    target: Sequence[Field],
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Adapt a network in every way that is tried, and keep the best by a rule without labels.

    ``candidates/`` holds every network that was tried, ``choice.json`` their scores. Where restyled
    pairs settle the rule `look`, no layer is matched. Source fields need their stains, unless
    ``settings.restyling`` is none.
    """
    images = check_domains(model, source, target)
    stains: list[str] = []
    if settings.restyling is not None:
        check_stains(model, source)
        stains = hashes_of_stains(source)
    run = AdaptationRun(
        settings, out, model, images, stains=stains, device=device, overwrite=overwrite
    )
    if run.finished:
        return out
    trial = Trial(settings, out / CANDIDATES, model, source, target, device)
    candidates = [trial.measure_unadapted()]
    contrasts = trial.contrasts() if settings.restyling is not None else ()
    candidates += _try_all(contrasts, trial.learn_restyled)
    learnt = {each.way.restyled for each in candidates}
    if settings.criterion != "look" or not any(each.settled for each in candidates):
        ways = [Way(layers) for layers in settings.layers]
        ways += [
            Way(layers, each)
            for each in contrasts
            if each in learnt
            for layers in settings.restyled_layers
        ]
        candidates += _try_all(ways, trial.match_layers)
    chosen = choose_way(candidates, settings.criterion)
    _write_choice(out, settings, candidates, chosen)
    kept = load_translator(trial.folder(chosen, settings.seeds[0]))
    if kept.record.adapted is None:
        raise ValueError("every candidate says where it comes from")
    if chosen.restyled:
        taught = trial.folder(Way((), chosen.restyled), settings.seeds[0])
        write_text(out / LOOK, (taught / LOOK).read_text("utf-8"))
    record = kept.record.changed(
        adapted=kept.record.adapted.changed(
            source=model.name, source_sha256=hash_of_network(model.network)
        )
    )
    taught_by = f"{len(target)} images without stains, from {model.name}; "
    taught_by += f"the way, {chosen.words}, was chosen without labels"
    if chosen == UNADAPTED:
        taught_by = f"what {model.name} learnt from; only intensities were measured anew, "
        taught_by += "as no adaptation seemed better"
    return run.write(record, kept.network, taught_by)


def _try_all(ways: Sequence[_How], train: Callable[[_How], Candidate]) -> list[Candidate]:
    """Return what was learnt in each way; without those that went astray."""
    found = []
    for way in ways:
        try:
            found.append(train(way))
        except DivergedError as error:
            warnings.warn(f"left out: {error.summary}", UserWarning, stacklevel=3)
    return found


def read_choice(out: Path) -> tuple[str, dict[str, float | None]]:
    """Read from a folder of `adapt_automatically` the way in words, and every candidate's score."""
    content = json.loads((out / CHOICE).read_text("utf-8"))
    return content["chosen"], content["scores"]


def _write_choice(
    out: Path, settings: AutoSettings, candidates: Sequence[Candidate], chosen: Way
) -> None:
    scores = score_candidates(candidates, settings.criterion)
    write_json(
        out / CHOICE,
        {
            "criterion": settings.criterion,
            "chosen": chosen.words,
            "scores": {
                way.words: score if math.isfinite(score) else None for way, score in scores.items()
            },
            "healthy": {each.way.words: list(each.healthy) for each in candidates},
        },
    )
