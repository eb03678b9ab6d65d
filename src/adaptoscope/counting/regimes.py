"""Train a counter: on real images, on synthetic ones first, or on both at once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adaptoscope.counting.agreement import Probe
from adaptoscope.counting.batch_norm import freeze_statistics, measure_statistics
from adaptoscope.counting.crops import CropBatch, TrainingImages
from adaptoscope.counting.cross_fitting import FOLDER, LeftOut, as_training, count_left_out
from adaptoscope.counting.finish import finish_network
from adaptoscope.counting.heads import DensityHead, Head, build_head
from adaptoscope.counting.model_folder import MODEL_FILES
from adaptoscope.counting.settings import AnyCountingSettings, CountingSettings, DensitySettings
from adaptoscope.counting.steadiest import SteadiestWeights
from adaptoscope.counting.teacher import Teacher
from adaptoscope.counting.training_images import read_training_images, refuse_kept_back
from adaptoscope.counting.two_domains import half_of_each, mixed
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import InputError
from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, Logged, Step, run_steps, start_fabric

_STATISTICS_BATCHES = 40


@dataclass(frozen=True, eq=False)
class Phase:
    """A stretch of steps on one set of images, or on two at once.

    Parameters
    ----------
    images
        What the crops are cut from.
    draw
        Returns the batch of a step.
    first, end
        First step of the phase, and the step after its last.
    """

    images: tuple[TrainingImages, ...]
    draw: Callable[[int], CropBatch]
    first: int
    end: int


@dataclass(frozen=True)
class Placed:
    """The engine, and the network and optimiser as it put them on a device."""

    fabric: Any
    network: Any
    optimiser: Any


def train_counter(
    settings: AnyCountingSettings,
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
    settings
        How to train.
    out
        Run folder, which becomes the model folder.
    real
        Counted real images. Those of the split ``train`` are trained on, or all labelled ones
        where no image is in a split; those of ``val`` give the measured error and the intervals.
    synthetic
        Counted synthetic images, for every regime but ``supervised``.
    unlabelled
        Real images whose labels are not read, for ``checkpoint: steadiest``; by default ``real``.
    device
        Where to train.
    overwrite
        Discard a run with other settings in ``out``.

    Returns
    -------
    Path
        ``out``, now with weights, model.json and card.

    Raises
    ------
    InputError
        A set is missing or cannot be trained on.
    LeakageError
        A training image is one of the images kept back.
    OutputError
        ``out`` holds something else.
    """
    given, real = real, as_training(real) if settings.folds else real
    head = build_head(settings)
    network = head.network
    optimiser = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    fabric = start_fabric(device)
    placed = Placed(fabric, *fabric.setup(network, optimiser))
    average = AveragedWeights(network, settings.averaging) if settings.averaging else None
    phases = _phases(settings, real, synthetic, head, average)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=(*MODEL_FILES, FOLDER))
    seen = phases[0].images if len(phases) == 1 else tuple(p.images[0] for p in phases)
    run.keep_inputs(sha256 for images in seen for sha256 in images.hashes.values())
    if not (out / "model.json").exists():
        run.record_environment(fabric.device)
    left_out = _count_left_out(settings, out, given, synthetic, device) if settings.folds else None
    network.train()
    if settings.frozen_statistics:
        freeze_statistics(network)
    trained = network if average is None else average.module
    state: dict[str, Stateful] = {"network": network, "optimiser": optimiser}
    if average is not None:
        state["average"] = average
    step: Step = counting_step(settings, phases, head, optimiser, placed, average)
    steadiest = None
    if settings.checkpoint == "steadiest":
        judged = _read(settings, unlabelled or real, real, labels=False)
        probe = Probe(judged, settings)
        steadiest = SteadiestWeights(trained, head.counts, probe, settings.total_steps)
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
    )
    if steadiest is not None:
        steadiest.keep()
    if not settings.frozen_statistics:
        _measure_statistics(settings, phases[-1], trained)
    finish_network(run.path, settings, trained, seen, real, left_out)
    return run.path


def _count_left_out(
    settings: AnyCountingSettings,
    out: Path,
    real: CountedImageSet,
    synthetic: CountedImageSet | None,
    device: Device,
) -> LeftOut:
    """Train on parts of the images that may be trained on, and count the others."""
    labelled = as_training(real).training_part().labelled()
    refuse_kept_back(labelled, as_training(real))
    alone = settings.changed(folds=0)

    def train(part: CountedImageSet, folder: Path) -> Path:
        return train_counter(alone, folder, real=part, synthetic=synthetic, device=device)

    return count_left_out(labelled, settings.folds, settings.seed, out, train)


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
    settings
        How to train.
    phases
        Stretches of steps, one after the other from step 0.
    head, optimiser
        What is trained, as saved in checkpoints.
    placed
        Network and optimiser on their device.
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


def rate_factor(settings: CountingSettings, phase: Phase, index: int) -> float:
    """Return the share of the learning rate that a step uses.

    With ``cosine`` it rises linearly over the first tenth of the phase and falls to zero along
    half a cosine; with ``constant`` it is 1.
    """
    if settings.schedule == "constant":
        return 1.0
    length = phase.end - phase.first
    rise = max(1, length // 10)
    done = index - phase.first
    if done < rise:
        return (done + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (done - rise) / max(1, length - rise)))


def _phases(
    settings: AnyCountingSettings,
    real: CountedImageSet,
    synthetic: CountedImageSet | None,
    head: Head,
    average: AveragedWeights | None,
) -> list[Phase]:
    if settings.regime == "supervised":
        return [_single(settings, _read(settings, real, real), 0, settings.steps)]
    if synthetic is None:
        raise InputError(
            f"The regime {settings.regime} needs synthetic images.",
            expected="a folder of synthetic counted images beside the real ones",
            found="real images only",
            remedy="give --synthetic FOLDER, or choose the regime supervised",
        )
    drawn = _read(settings, synthetic, real)
    taken = _read(settings, real, real, labels=settings.mode != "teacher")
    if settings.regime == "fine_tuned":
        begun = settings.pretrain_steps
        return [
            _single(settings, drawn, 0, begun),
            _single(settings, taken, begun, settings.total_steps),
        ]
    draw = _joined(settings, drawn, taken, head, average)
    return [Phase(images=(drawn, taken), draw=draw, first=0, end=settings.steps)]


def _joined(
    settings: AnyCountingSettings,
    drawn: TrainingImages,
    taken: TrainingImages,
    head: Head,
    average: AveragedWeights | None,
) -> Callable[[int], CropBatch]:
    """Return what draws batches of both kinds of images."""
    if isinstance(settings, DensitySettings) and settings.mode == "teacher":
        if not isinstance(head, DensityHead) or average is None:
            raise TypeError("a teacher is the average of a density network")
        teacher = Teacher(settings, average.module, head.target, head.stride)
        return lambda step: teacher.draw(drawn, taken, step)
    join = half_of_each if settings.regime == "dual" else mixed
    return lambda step: join(settings, drawn, taken, step)


def _single(settings: CountingSettings, images: TrainingImages, first: int, end: int) -> Phase:
    return Phase(
        images=(images,),
        draw=lambda step: images.draw(settings, batch=settings.batch, step=step),
        first=first,
        end=end,
    )


def _read(
    settings: CountingSettings,
    images: CountedImageSet,
    real: CountedImageSet,
    *,
    labels: bool = True,
) -> TrainingImages:
    part = images.training_part()
    refuse_kept_back(part, real)
    return read_training_images(part, settings, labels=labels)
