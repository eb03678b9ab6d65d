"""One adaptation of a study: adapt, look at the outputs without labels, then measure with them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file

from adaptoscope.adaptation.adapt import adapt_translator
from adaptoscope.adaptation.baseline_settings import METHODS, OracleSettings, settings_of_method
from adaptoscope.adaptation.baselines import adapt_without_learning
from adaptoscope.adaptation.collapse import METRICS, judge_run
from adaptoscope.adaptation.label_free import (
    looked_at,
    measures_of,
    outputs_of,
    turned_agreement,
)
from adaptoscope.adaptation.oracle import fine_tune
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.images.files import write_json
from adaptoscope.pipeline.stain_study.settings import StainStudySettings, StudyShift
from adaptoscope.pipeline.stain_study.stages import StudyStages
from adaptoscope.pretrained.weights_files import write_weights
from adaptoscope.training.step_loop import Device, start_fabric
from adaptoscope.translation.evaluate import evaluate_translator
from adaptoscope.translation.fields import Field
from adaptoscope.translation.model_folder import StainModel, load_translator

OUTCOME = "outcome.json"
_OUTPUTS = "outputs.safetensors"


@dataclass(frozen=True)
class RunTask:
    """One adaptation.

    Parameters
    ----------
    study
        Run folder of the study.
    settings
        The study.
    shift
        The target domain.
    method, layers, rate, seed
        How it is adapted; no layer and no rate for what it is compared with.
    target_images
        Number of target images; None for all.
    device
        Where it runs.
    """

    study: Path
    settings: StainStudySettings
    shift: StudyShift
    method: str
    layers: tuple[int, ...]
    rate: float
    seed: int
    target_images: int | None
    device: Device = "auto"

    @property
    def name(self) -> str:
        """The run as a folder name."""
        layers = "-".join(f"{layer:02d}" for layer in self.layers)
        images = "" if self.target_images is None else f"_images{self.target_images}"
        how = f"{self.method}_layer{layers}_rate{self.rate:g}{images}" if layers else self.method
        return f"{self.shift.name}_{how}_seed{self.seed}"

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return self.study / "runs" / self.name


def run_task(task: RunTask) -> Path:
    """Adapt and measure; what stands already is not done again.

    Returns
    -------
    pathlib.Path
        ``outcome.json`` of the run.
    """
    path = task.folder / OUTCOME
    if path.exists():
        return path
    stages = StudyStages(task.settings, task.study)
    source = stages.source_fields("train", truth=False)
    target = stages.target_fields(task.shift, "train", truth=False)
    device = str(start_fabric(task.device).device)
    model = stages.model(device)
    _adapt(task, stages, model, source, target[: task.target_images])
    adapted = load_translator(task.folder, device=device)

    # Without labels.
    looked, known = looked_at(target), looked_at(source)
    outputs, of_source = outputs_of(adapted, looked), outputs_of(model, known)
    turned_source = turned_agreement(model, known)
    measures = measures_of(adapted, outputs, looked, of_source, turned_source)
    verdict = judge_run(task.folder / METRICS, measures)
    half = torch.from_numpy(outputs.astype(np.float16))
    write_weights(task.folder / _OUTPUTS, {"outputs": half}, dtype=torch.float16)

    # With labels, which nothing above has seen.
    found = {
        split: evaluate_translator(adapted, stages.target_fields(task.shift, split, truth=True))
        for split in ("val", "test")
    }
    at_home = StainModel(model.name, model.record, adapted.network)
    stayed = evaluate_translator(at_home, stages.source_fields("val", truth=True))
    outcome = {
        "shift": task.shift.name,
        "method": task.method,
        "layers": list(task.layers),
        "rate": task.rate,
        "seed": task.seed,
        "target_images": task.target_images,
        "label_free": {
            name: value if math.isfinite(value) else None for name, value in measures.items()
        },
        "healthy": verdict.healthy,
        "reasons": list(verdict.reasons),
        "val": {stain: each.pearson for stain, each in found["val"].stains.items()},
        "test": {stain: each.pearson for stain, each in found["test"].stains.items()},
        "test_fields": [float(value) for value in found["test"].pearson_by_field],
        "source_val": {stain: each.pearson for stain, each in stayed.stains.items()},
    }
    write_json(path, outcome)
    return path


def _adapt(
    task: RunTask,
    stages: StudyStages,
    model: StainModel,
    source: Sequence[Field],
    target: Sequence[Field],
) -> None:
    """Write the model folder of a run by its method."""
    values: dict[str, Any] = {"method": task.method}
    if task.method == "oracle":
        values = task.settings.oracle.model_dump()
    if "intensities" in METHODS[task.method].model_fields:
        values["intensities"] = task.shift.intensities
        if task.method in ("oracle", "adabn") and task.shift.intensities == "histogram":
            values["intensities"] = "own"
    if METHODS[task.method] is AdaptationSettings:
        values = task.settings.adaptation.model_dump() | values
        values |= {"layers": task.layers, "learning_rate": task.rate}
    if "seed" in METHODS[task.method].model_fields:
        values["seed"] = task.seed
    chosen = settings_of_method(values)
    how: dict[str, Any] = {"model": model, "device": task.device}
    if isinstance(chosen, OracleSettings):
        fine_tune(chosen, task.folder, pairs=stages.target_pairs(task.shift), **how)
    elif isinstance(chosen, AdaptationSettings):
        adapt_translator(chosen, task.folder, source=source, target=target, **how)
    else:
        adapt_without_learning(chosen, task.folder, source=source, target=target, **how)


def read_outputs(task: RunTask) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Read what the network of a run said of the unlabelled fields, shape (N, S, H, W)."""
    return np.asarray(load_file(task.folder / _OUTPUTS)["outputs"], dtype=np.float32)


def read_outcome(task: RunTask) -> dict[str, object]:
    """Read what came of a run."""
    content: dict[str, object] = json.loads((task.folder / OUTCOME).read_text("utf-8"))
    return content
