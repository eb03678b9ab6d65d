"""One adaptation of a study: adapt, look at the outputs without labels, then measure with them."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors.numpy import load_file

from adaptoscope.adaptation.baseline_settings import RestyledSettings
from adaptoscope.adaptation.collapse import METRICS, judge_run
from adaptoscope.adaptation.layer_choice.measures import (
    augmentation_consistency,
    choose_fields,
    measure_outputs,
    predict_outputs,
)
from adaptoscope.adaptation.layer_choice.scores import Way
from adaptoscope.adaptation.methods import METHODS, adapt_by_method, settings_of_method
from adaptoscope.adaptation.restyling import Contrast
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.adaptation.train_on_restyled import restyle_again
from adaptoscope.errors import DivergedError
from adaptoscope.imageio.files import write_json
from adaptoscope.imageio.json_values import plain
from adaptoscope.pretrained.weights_files import write_weights
from adaptoscope.training.step_loop import Device, start_fabric
from adaptoscope.translation.evaluate import evaluate_translator
from adaptoscope.translation.fields import Field
from adaptoscope.translation.montage import compare_with_mean_cell
from adaptoscope.translation.trained_model import StainModel, load_translator
from experiments.stain_study.settings import StainStudySettings, StudyShift
from experiments.stain_study.stages import StudyStages

OUTCOME = "outcome.json"
_OUTPUTS = "outputs.safetensors"
_IMAGES_STREAM = 5


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
    restyled
        Contrast of the restyled pairs that are learnt: by the method `restyled`, or before layers
        are matched. Empty without them.
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
    restyled: Contrast | Literal[""] = ""
    device: Device = "auto"

    @property
    def way(self) -> Way:
        """What is chosen among, where the method is `adversarial` or `restyled`."""
        return Way(self.layers, self.restyled)

    @property
    def matches_alone(self) -> bool:
        """Whether layers are matched and nothing else, where the look of the target is known."""
        return bool(self.layers) and not self.restyled and self.settings.restyled

    @property
    def name(self) -> str:
        """The run as a folder name."""
        layers = "-".join(f"{layer:02d}" for layer in self.layers)
        images = "" if self.target_images is None else f"_images{self.target_images}"
        taught = f"restyled_{self.restyled}" if self.restyled else ""
        how = f"{self.method}_layer{layers}_rate{self.rate:g}" if layers else taught or self.method
        how = f"{taught}_{how}" if taught and layers else how
        return f"{self.shift.name}_{how}{images}_seed{self.seed}"

    @property
    def taught(self) -> RunTask | None:
        """The run whose network is adapted further; None where it is the source network."""
        if not (self.restyled and self.layers):
            return None
        return dataclasses.replace(self, method="restyled", layers=(), rate=0.0)

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
    source = stages.source_fields("train", truth=task.method == "restyled")
    target = some_fields(
        stages.target_fields(task.shift, "train", truth=False), task.target_images, task.seed
    )
    device = str(start_fabric(task.device).device)
    model = stages.model(device)
    looked, known = choose_fields(target), choose_fields(source)
    adapted: StainModel | None = None
    try:
        _adapt(task, stages, model, source, target)
        adapted = load_translator(task.folder, device=device)
        outputs = predict_outputs(adapted, looked)
    except DivergedError:
        outputs = np.full_like(predict_outputs(model, looked), np.nan)

    # Without labels.
    of_source, turned_source = predict_outputs(model, known), augmentation_consistency(model, known)
    measures = measure_outputs(adapted or model, outputs, looked, of_source, turned_source)
    unmatched_magnification = stages.look(task.shift).magnification if task.matches_alone else 1.0
    passed = task.layers if task.settings.adaptation.skips == "adapted" else ()
    verdict = judge_run(
        task.folder / METRICS,
        measures,
        unmatched_magnification=unmatched_magnification,
        layers=passed,
    )
    # What says no numbers is kept as if it said nothing; the verdict tells.
    half = torch.from_numpy(np.nan_to_num(outputs).astype(np.float16))
    write_weights(task.folder / _OUTPUTS, {"outputs": half}, dtype=torch.float16)

    outcome = {
        "shift": task.shift.name,
        "method": task.method,
        "layers": list(task.layers),
        "restyled": task.restyled,
        "rate": task.rate,
        "seed": task.seed,
        "target_images": task.target_images,
        "label_free": measures,
        "healthy": verdict.healthy,
        "reasons": list(verdict.reasons),
        # With labels, which nothing above has seen.
        **_compared(task, stages, model, adapted if measures["finite"] else None),
    }
    write_json(path, plain(outcome))
    return path


def _compared(
    task: RunTask, stages: StudyStages, model: StainModel, adapted: StainModel | None
) -> dict[str, object]:
    """Compare predicted with true stains; nothing where there is no network that says numbers."""
    if adapted is None:
        unknown = dict.fromkeys(model.record.stains, math.nan)
        said = dict.fromkeys(("val", "test", "source_val"), unknown)
        return {**said, "test_fields": [], "figures": {}, "beyond_mean_cell": {}}
    found = {
        split: evaluate_translator(adapted, stages.target_fields(task.shift, split, truth=True))
        for split in ("val", "test")
    }
    at_home = StainModel(model.name, model.record, adapted.network)
    stayed = evaluate_translator(at_home, stages.source_fields("val", truth=True))
    beyond = {}
    if task.shift.grid is not None:
        fields = stages.target_fields(task.shift, "test", truth=True)
        taught = stages.source_fields("train", truth=True)
        beyond = compare_with_mean_cell(adapted, fields, taught, task.shift.grid)
    return {
        "val": {stain: each.pearson for stain, each in found["val"].stains.items()},
        "test": {stain: each.pearson for stain, each in found["test"].stains.items()},
        "test_fields": [float(value) for value in found["test"].pearson_by_field],
        "source_val": {stain: each.pearson for stain, each in stayed.stains.items()},
        "figures": found["test"].as_dict(),
        "beyond_mean_cell": beyond.get("stains", {}),
    }


def some_fields(fields: Sequence[Field], number: int | None, seed: int) -> list[Field]:
    """Return so many fields, other ones for every seed.

    Parameters
    ----------
    fields
        All there are.
    number
        How many; none, or more than there are, takes all.
    seed
        Which.
    """
    if number is None or number >= len(fields):
        return list(fields)
    chosen = np.random.default_rng([_IMAGES_STREAM, seed]).permutation(len(fields))[:number]
    return [fields[index] for index in sorted(chosen)]


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
    kind = METHODS[task.method].settings
    if "intensities" in kind.model_fields:
        values["intensities"] = task.shift.intensities
        if task.method in ("oracle", "adabn", "restyled") and task.shift.intensities == "histogram":
            values["intensities"] = "own"
    if kind is AdaptationSettings:
        values = task.settings.adaptation.model_dump() | values
        values |= {"layers": task.layers, "learning_rate": task.rate}
    if kind is RestyledSettings:
        values = task.settings.restyling.model_dump() | values | {"contrast": task.restyled}
    if "seed" in kind.model_fields:
        values["seed"] = task.seed
    chosen = settings_of_method(values)
    if task.taught is not None:
        if not (task.taught.folder / "model.json").exists():
            raise DivergedError(f"There is nothing to go on from: {task.taught.name} went astray.")
        network = str(next(model.network.parameters()).device)
        model = load_translator(task.taught.folder, device=network)
        source = restyle_again(task.taught.folder, source, target)
        chosen = chosen.changed(intensities="source")
    # All target images were looked at already; of a part magnification is estimated anew.
    known = task.method == "restyled" and task.target_images is None
    adapt_by_method(
        chosen,
        task.folder,
        model=model,
        device=task.device,
        source=source,
        target=target,
        look=stages.look(task.shift) if known else None,
        pairs=stages.target_pairs(task.shift) if task.method == "oracle" else None,
    )


def read_outputs(task: RunTask) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Read what the network of a run said of the unlabelled fields, shape (N, S, H, W)."""
    return np.asarray(load_file(task.folder / _OUTPUTS)["outputs"], dtype=np.float32)


def read_outcome(task: RunTask) -> dict[str, object]:
    """Read what came of a run."""
    content: dict[str, object] = json.loads((task.folder / OUTCOME).read_text("utf-8"))
    return content
