"""Adapt at several layers and keep the one that is chosen without a stain of the target."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field as Option
from pydantic import model_validator

from adaptoscope.adaptation.adapt import adapt_translator
from adaptoscope.adaptation.baseline_settings import BaselineSettings
from adaptoscope.adaptation.baselines import adapt_without_learning
from adaptoscope.adaptation.choice import Candidate, Criterion, Layers, choose_layers, scores_of
from adaptoscope.adaptation.collapse import METRICS, judge_run
from adaptoscope.adaptation.label_free import (
    LOOKED_AT,
    looked_at,
    measures_of,
    outputs_of,
    turned_agreement,
)
from adaptoscope.adaptation.preflight import check_domains
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.images.files import write_json
from adaptoscope.pretrained.weights_files import hash_of_network
from adaptoscope.training.progress import part_of
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import Settings
from adaptoscope.training.step_loop import Device
from adaptoscope.translation.fields import Field
from adaptoscope.translation.finish import translator_card
from adaptoscope.translation.model_folder import (
    MODEL_FILES,
    StainModel,
    load_translator,
    write_translator,
)

CHOICE = "choice.json"
_CANDIDATES = "candidates"
_BEFORE = "unadapted"


class AutoSettings(Settings):
    """Which layers are tried, and how one of them is chosen."""

    layers: tuple[tuple[int, ...], ...] = ((2,), (3,), (4,), (5,), (13,))
    """What is matched, one list of layers a candidate."""

    seeds: tuple[int, ...] = (0, 1)
    """Seeds of each candidate."""

    criterion: Criterion = "consensus"
    """How one is chosen: see `adaptoscope.adaptation.choice`."""

    adaptation: AdaptationSettings = AdaptationSettings()
    """How each is adapted; its layers and seed are those above."""

    look_at: int = Option(default=LOOKED_AT, ge=2)
    """Target images on which candidates are compared, at most."""

    @model_validator(mode="after")
    def _candidates_can_be_compared(self) -> AutoSettings:
        if len(self.layers) < 2 or len(self.seeds) < 2:
            raise ValueError("layers and seeds need two entries at least, to be compared")
        for layers in self.layers:
            self.adaptation.changed(layers=layers)
        return self


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
    """Adapt a network at every candidate's layers and keep the best by a rule without labels.

    Parameters
    ----------
    settings
        Candidates and rule.
    out
        Run folder, which becomes the model folder. ``candidates/`` holds every network that was
        tried, ``choice.json`` their scores.
    model
        The source network.
    source, target, device, overwrite
        As in `adapt_translator`.

    Returns
    -------
    Path
        ``out``. A killed run goes on with the same call.

    Raises
    ------
    InputError, OutputError
        As `adapt_translator`.
    """
    images = check_domains(model, source, target)
    parts = (*MODEL_FILES, _CANDIDATES, CHOICE)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=parts)
    run.keep_inputs([hash_of_network(model.network), *images])
    if (out / "model.json").exists():
        return out
    looked = [looked_at(fields, settings.look_at) for fields in (source, target)]
    of_source = outputs_of(model, looked[0])
    turned_source = turned_agreement(model, looked[0])
    candidates = [_before(settings, out, model, source, target, looked[1])]
    for layers in settings.layers:
        outputs, measures, healthy = [], [], []
        for seed in settings.seeds:
            how = settings.adaptation.changed(layers=layers, seed=seed)
            folder = out / _CANDIDATES / _name(layers, seed)
            with part_of(f"seed {seed}"):
                adapt_translator(
                    how, folder, model=model, source=source, target=target, device=device
                )
            adapted = load_translator(folder, device=str(next(model.network.parameters()).device))
            said = outputs_of(adapted, looked[1])
            outputs.append(said)
            measures.append(measures_of(adapted, said, looked[1], of_source, turned_source))
            healthy.append(judge_run(folder / METRICS, measures[-1]).healthy)
        candidates.append(Candidate(layers, outputs, measures, healthy))
    chosen = choose_layers(candidates, settings.criterion)
    _write_choice(out, settings, candidates, chosen)
    name = _name(chosen, settings.seeds[0]) if chosen else _BEFORE
    kept = load_translator(out / _CANDIDATES / name)
    taught = f"{len(target)} images without stains, from {model.name}; layer chosen without labels"
    if not chosen:
        taught = f"what {model.name} learnt from; no adaptation was found to be better"
    write_translator(out, kept.record, kept.network, card=translator_card(kept.record, taught))
    return out


def _before(
    settings: AutoSettings,
    out: Path,
    model: StainModel,
    source: Sequence[Field],
    target: Sequence[Field],
    looked: Sequence[Field],
) -> Candidate:
    """Return the network as every adaptation finds it: no weight is changed."""
    methods: dict[str, Literal["none", "own_range", "histogram"]] = {
        "source": "none",
        "own": "own_range",
        "histogram": "histogram",
    }
    how = BaselineSettings(method=methods[settings.adaptation.intensities])
    folder = out / _CANDIDATES / _BEFORE
    adapt_without_learning(how, folder, model=model, source=source, target=target)
    before = load_translator(folder, device=str(next(model.network.parameters()).device))
    return Candidate((), [outputs_of(before, looked)], [], [True], votes=False)


def chosen_layers(out: Path) -> tuple[Layers, dict[str, float]]:
    """Read which layers were chosen (none: the network as it was), and every candidate's score.

    Parameters
    ----------
    out
        A folder of `adapt_automatically`.
    """
    content = json.loads((out / CHOICE).read_text("utf-8"))
    return tuple(content["chosen"]), content["scores"]


def _write_choice(
    out: Path, settings: AutoSettings, candidates: Sequence[Candidate], chosen: Layers
) -> None:
    scores = scores_of(candidates, settings.criterion)
    write_json(
        out / CHOICE,
        {
            "criterion": settings.criterion,
            "chosen": list(chosen),
            "scores": {
                "-".join(map(str, layers)) or _BEFORE: score if math.isfinite(score) else None
                for layers, score in scores.items()
            },
            "healthy": {
                "-".join(map(str, each.layers)) or _BEFORE: list(each.healthy)
                for each in candidates
            },
        },
    )


def _name(layers: Layers, seed: int) -> str:
    return f"layer{'-'.join(f'{layer:02d}' for layer in layers)}_seed{seed}"
