"""Train a counter: on real images, on synthetic ones first, or on both at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adaptoscope.counting.checkpoint_selection import SteadiestWeights
from adaptoscope.counting.consistency import Probe
from adaptoscope.counting.cross_fitting import (
    FOLDER,
    LeftOut,
    as_training,
    count_left_out,
    without_images,
)
from adaptoscope.counting.finish_network import finish_network
from adaptoscope.counting.heads.kind import Head
from adaptoscope.counting.heads.table import build_head
from adaptoscope.counting.learning_set import refuse_kept_back
from adaptoscope.counting.model_folder import MODEL_FILES
from adaptoscope.counting.phases import Phase, phases_of, rate_factor, read_part
from adaptoscope.counting.settings import CountingSettings
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import SettingsError
from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.batch_norm import freeze_statistics, measure_statistics
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, Logged, Step, run_steps, start_fabric

_STATISTICS_BATCHES = 40


@dataclass(frozen=True)
class Placed:
    """The engine, and the network and optimiser as it put them on a device."""

    fabric: Any
    network: Any
    optimiser: Any


def train_counter(
    settings: CountingSettings,
    out: Path,
    *,
    real: CountedImageSet,
    synthetic: CountedImageSet | None = None,
    unlabelled: CountedImageSet | None = None,
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Train a counter and write its model folder; a killed run goes on with the same call.

    Parameters
    ----------
    real
        Counted real images. Those of the split ``train`` are trained on, or all labelled ones
        where no image is in a split; those of ``val`` give the measured error and the intervals.
    synthetic
        Counted synthetic images, for every regime but ``supervised``.
    unlabelled
        Real images whose labels are not read, only for ``checkpoint: steadiest``; by default
        ``real``.
    device
        Where to train.
    overwrite
        Discard a run with other settings in ``out``.

    Returns
    -------
    Path
        ``out``, now with weights, model.json and card.
    """
    _refuse_unread(settings, unlabelled)
    given, real = real, as_training(real) if settings.folds else real
    learnt = [len(each.training_part()) if each else 0 for each in (real, synthetic)]
    settings = settings.in_steps(*learnt)
    head = build_head(settings)
    network = head.network
    optimiser = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    fabric = start_fabric(device)
    placed = Placed(fabric, *fabric.setup(network, optimiser))
    average = AveragedWeights(network, settings.averaging) if settings.averaging else None
    phases = phases_of(settings, real, synthetic, head, average)
    judged = None
    if settings.checkpoint == "steadiest":
        shown = real if unlabelled is None else unlabelled
        judged = read_part(settings, shown, real, labels=False)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=(*MODEL_FILES, FOLDER))
    seen = phases[0].images if len(phases) == 1 else tuple(p.images[0] for p in phases)
    read = seen if judged is None else (*seen, judged)
    run.keep_inputs(sha256 for images in read for sha256 in images.hashes.values())
    if not (out / "model.json").exists():
        run.record_environment(fabric.device)
    left_out = None
    if settings.folds:
        left_out = _count_left_out(settings, out, given, synthetic, unlabelled, device)
    network.train()
    if settings.frozen_statistics:
        freeze_statistics(network)
    trained = network if average is None else average.module
    state: dict[str, Stateful] = {"network": network, "optimiser": optimiser}
    if average is not None:
        state["average"] = average
    step: Step = counting_step(settings, phases, head, optimiser, placed, average)
    steadiest = None
    if judged is not None:
        probe, last = Probe(judged, settings), phases[-1]
        steadiest = SteadiestWeights(trained, head.counts, probe, last.first, last.end)
        state["steadiest"] = steadiest
        step = _looked_at(step, steadiest)
    run_steps(
        step,
        steps=settings.total_steps,
        state=state,
        run=run,
        save_every=settings.save_every,
        log_every=settings.log_every,
        description=f"count ({settings.regime})",
        seed=settings.seed,
        units={"mae": "cells a crop"},
    )
    if steadiest is not None:
        steadiest.keep()
    if not settings.frozen_statistics:
        _measure_statistics(settings, phases[-1], trained)
    finish_network(run.path, settings, trained, seen, real, left_out)
    return run.path


def _count_left_out(
    settings: CountingSettings,
    out: Path,
    real: CountedImageSet,
    synthetic: CountedImageSet | None,
    unlabelled: CountedImageSet | None,
    device: Device,
) -> LeftOut:
    """Train on parts of the images that may be trained on, and count the others."""
    labelled = as_training(real).training_part().labelled()
    refuse_kept_back(labelled, as_training(real))
    alone = settings.changed(folds=0)

    def train(part: CountedImageSet, folder: Path) -> Path:
        names = {record.file_name for record in part}
        hidden = labelled.with_records(each for each in labelled if each.file_name not in names)
        return train_counter(
            alone,
            folder,
            real=part,
            synthetic=synthetic,
            unlabelled=None if unlabelled is None else without_images(unlabelled, hidden),
            device=device,
        )

    return count_left_out(labelled, settings.folds, settings.seed, out, train)


def _refuse_unread(settings: CountingSettings, unlabelled: CountedImageSet | None) -> None:
    if unlabelled is not None and settings.checkpoint != "steadiest":
        raise SettingsError(
            "Unlabelled images are given, but nothing would look at them.",
            expected="checkpoint: steadiest, which chooses the weights on them",
            found=f"checkpoint: {settings.checkpoint}, and the images of {unlabelled.folder}",
            remedy="set checkpoint to steadiest, or leave the unlabelled images out",
        )


def counting_step(
    settings: CountingSettings,
    phases: Sequence[Phase],
    head: Head,
    optimiser: torch.optim.Optimizer,
    placed: Placed,
    average: AveragedWeights | None = None,
) -> Callable[[int], dict[str, torch.Tensor]]:
    """Return the training step: draw crops, say what is in them, lower the error.

    Parameters
    ----------
    phases
        Stretches of steps, one after the other from step 0.
    average
        Follows the network, if given.

    Returns
    -------
    Callable
        Takes the number of the step; returns ``loss`` and ``mae`` (cells per crop).
    """

    def step(index: int) -> dict[str, torch.Tensor]:
        phase = next(phase for phase in phases if index < phase.end)
        if index == phase.first:
            head.begin(phase.images, settings)
            optimiser.state.clear()
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate_factor(settings, phase, index)

        batch = phase.draw(index)
        images = batch.images.to(placed.fabric.device, memory_format=torch.channels_last)
        loss, error = head.losses(placed.network(images), batch)
        placed.optimiser.zero_grad()
        placed.fabric.backward(loss)
        placed.optimiser.step()
        if average is not None:
            average.update()
        return {"loss": loss.detach(), "mae": error}

    return step


def _looked_at(step: Step, steadiest: SteadiestWeights) -> Step:
    """Let a look follow each step; what it measures is logged as ``disagreement``."""

    def whole(index: int) -> Logged:
        return {**step(index), "disagreement": steadiest.look(index)}

    return whole


def _measure_statistics(settings: CountingSettings, phase: Phase, network: torch.nn.Module) -> None:
    device = next(network.parameters()).device

    def draw(index: int) -> torch.Tensor:
        crops = phase.draw(settings.total_steps + index).images
        return crops.to(device, memory_format=torch.channels_last)

    measure_statistics(network, draw, _STATISTICS_BATCHES)
