"""Train a counter on real images only, or on synthetic images first and then on real ones."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from adaptoscope.counting.batch_norm import freeze_statistics, measure_statistics
from adaptoscope.counting.count_regressor import CountRegressor
from adaptoscope.counting.crops import (
    TrainingImages,
    read_training_images,
    refuse_kept_back,
)
from adaptoscope.counting.finish import finish_network
from adaptoscope.counting.model_folder import MODEL_FILES
from adaptoscope.counting.settings import CountingSettings
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import InputError
from adaptoscope.pretrained.encoders import load_encoder
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, run_steps, start_fabric

_STATISTICS_BATCHES = 40


@dataclass(frozen=True, eq=False)
class Phase:
    """A stretch of steps on one set of images.

    Parameters
    ----------
    images
        What the crops are cut from.
    first, end
        First step of the phase, and the step after its last.
    """

    images: TrainingImages
    first: int
    end: int


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
        Counted synthetic images, for the regime ``fine_tuned``.
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
    phases = _phases(settings, real, synthetic)
    network = _build(settings)
    optimiser = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    fabric = start_fabric(device)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=MODEL_FILES)
    run.keep_inputs(sha256 for phase in phases for sha256 in phase.images.hashes.values())
    if not (out / "model.json").exists():
        run.record_environment(fabric.device)
    placed_network, placed_optimiser = fabric.setup(network, optimiser)
    placed = Placed(fabric, placed_network, placed_optimiser)
    network.train()
    if settings.frozen_statistics:
        freeze_statistics(network)
    run_steps(
        counting_step(settings, phases, network, optimiser, placed),
        steps=settings.total_steps,
        state={"network": network, "optimiser": optimiser},
        run=run,
        save_every=settings.save_every,
        log_every=settings.log_every,
        description=f"count ({settings.regime})",
        seed=settings.seed,
    )
    if not settings.frozen_statistics:
        _measure_statistics(settings, phases[-1].images, network)
    finish_network(run.path, settings, network, [phase.images for phase in phases], real)
    return run.path


def counting_step(
    settings: CountingSettings,
    phases: Sequence[Phase],
    network: CountRegressor,
    optimiser: torch.optim.Optimizer,
    placed: Placed,
) -> Callable[[int], dict[str, torch.Tensor]]:
    """Return the training step: draw crops, predict their counts, lower the error.

    Parameters
    ----------
    settings
        How to train.
    phases
        Stretches of steps, one after the other from step 0.
    network, optimiser
        What is trained, as saved in checkpoints.
    placed
        The same two on their device.

    Returns
    -------
    Callable
        Takes the number of the step; returns ``loss`` (standardised) and ``mae`` (cells per crop).
    """

    def step(index: int) -> dict[str, torch.Tensor]:
        phase = next(phase for phase in phases if index < phase.end)
        if index == phase.first:
            network.standardise(*phase.images.count_statistics(settings.crop, settings.seed))
            optimiser.state.clear()
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate_factor(settings, phase, index)

        crops, counts = phase.images.draw(
            crop=settings.crop,
            batch=settings.batch,
            seed=settings.seed,
            step=index,
            augment=settings.augment,
        )
        counts = counts.to(placed.fabric.device)
        predicted = placed.network(
            crops.to(placed.fabric.device, memory_format=torch.channels_last)
        )
        error = (predicted - counts) / network.count_sd
        loss = _loss(error, settings.loss)
        placed.optimiser.zero_grad()
        placed.fabric.backward(loss)
        placed.optimiser.step()
        return {"loss": loss.detach(), "mae": (predicted.detach() - counts).abs().mean()}

    return step


def _measure_statistics(
    settings: CountingSettings, images: TrainingImages, network: CountRegressor
) -> None:
    device = network.count_mean.device

    def draw(index: int) -> torch.Tensor:
        crops, _ = images.draw(
            crop=settings.crop,
            batch=settings.batch,
            seed=settings.seed,
            step=settings.total_steps + index,
            augment="flips",
        )
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


def _loss(error: torch.Tensor, kind: str) -> torch.Tensor:
    if kind == "huber":
        return functional.huber_loss(error, torch.zeros_like(error))
    return error.square().mean()


def _build(settings: CountingSettings) -> CountRegressor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        encoder = load_encoder(settings.init)
        network = CountRegressor(encoder, pooling=settings.pooling, crop=settings.crop)
    return network.to(memory_format=torch.channels_last)


def _phases(
    settings: CountingSettings, real: CountedImageSet, synthetic: CountedImageSet | None
) -> list[Phase]:
    if settings.regime == "supervised":
        return [Phase(_read(settings, real, real), 0, settings.steps)]
    if synthetic is None:
        raise InputError(
            "The regime fine_tuned has nothing to begin with.",
            expected="a folder of synthetic counted images beside the real ones",
            found="real images only",
            remedy="give --synthetic FOLDER, or choose the regime supervised",
        )
    begun = settings.pretrain_steps
    return [
        Phase(_read(settings, synthetic, real), 0, begun),
        Phase(_read(settings, real, real), begun, settings.total_steps),
    ]


def _read(
    settings: CountingSettings, images: CountedImageSet, real: CountedImageSet
) -> TrainingImages:
    part = images.training_part()
    refuse_kept_back(part, real)
    return read_training_images(
        part, crop=settings.crop, pad=settings.pad, normalisation=settings.normalisation
    )
