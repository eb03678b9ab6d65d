"""Train a counter for many microscopes: densities of cells on crops of public sets and simulation.

Crops are enlarged or made smaller until their cells are of about one size, and their appearance is
changed at random, so that the counter works on images of microscopes that it has not seen.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from adaptoscope.counting.calibration import Calibration, calibrate
from adaptoscope.counting.counters import Counter
from adaptoscope.counting.crops import CropBatch, TrainingImages
from adaptoscope.counting.heads import DensityHead
from adaptoscope.counting.many_sets import read_many_sets
from adaptoscope.counting.model_card import model_card
from adaptoscope.counting.model_folder import (
    MODEL_FILES,
    ModelRecord,
)
from adaptoscope.counting.out_of_distribution import TrainingStatistics, known_images
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.counting.trained_network import network_counter, write_network_model
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.images.blobs import measured_diameter
from adaptoscope.metrics.counts import count_errors
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.networks.geometry import CENTRES
from adaptoscope.training.averaged_descent import AveragedDescent
from adaptoscope.training.batch_norm import measure_statistics
from adaptoscope.training.field_faults import paint_faults
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import Settings
from adaptoscope.training.step_loop import Device, run_steps, start_fabric

_STATISTICS_BATCHES = 40
# Tells the draws of faults from those of crops.
_FAULTS_STREAM = 77


class CounterTrainingSettings(Settings):
    """How a counter for many microscopes is trained."""

    steps: int = Field(default=4000, ge=1)
    """Training steps."""
    batch: int = Field(default=16, ge=1)
    """Crops in a step."""
    crop: int = Field(default=128, ge=64, multiple_of=16)
    """Side of a crop in pixels."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """AdamW, cosine decay to a twentieth."""
    diameter: float = Field(default=12.0, ge=4)
    """Cell diameter in pixels that images are brought to."""
    scale_jitter: float = Field(default=1.5, ge=1, le=2)
    """Crops are enlarged or made smaller by up to this factor: measured diameters are not exact."""
    synthetic_share: float = Field(default=0.35, ge=0, lt=1)
    """Share of the crops that synthetic images give, where there are both kinds."""
    faults: float = Field(default=0.0, ge=0, le=1)
    """Share of the crops that get faults of the field: fibres, debris, lettering, hot pixels,
    uneven light, stripes, cut-off blacks and whites, few grey levels, strong noise."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Arithmetic of the forward passes."""
    seed: int = Field(default=0, ge=0)
    """Seed of weights and crops."""

    def crops(self) -> DensitySettings:
        """Return how crops are drawn and changed."""
        return DensitySettings(
            init="random",
            crop=self.crop,
            diameter=self.diameter,
            scale_jitter=self.scale_jitter,
            augment="appearance",
            pad="reflect",
            seed=self.seed,
        )


class CounterStep:
    """One training step: crops, their densities, Poisson loss."""

    def __init__(
        self, images: TrainingImages, settings: CounterTrainingSettings, fabric: Any
    ) -> None:
        self.images, self.settings, self.fabric = images, settings, fabric
        self.crops = settings.crops()
        network = CentresNetwork().to(memory_format=torch.channels_last)
        self.network = network.to(fabric.device)
        self.head = DensityHead(self.network, CENTRES.stride, "poisson")
        self.descent = AveragedDescent(
            self.network,
            steps=settings.steps,
            learning_rate=settings.learning_rate,
            warm_up=100,
        )
        self.state = self.descent.state

    def __call__(self, index: int) -> Mapping[str, float | torch.Tensor]:
        """Take step `index`; return the loss and the mean absolute error of whole crops."""
        batch = self.draw(index)
        images = self.place(batch.images)
        with self.fabric.autocast():
            density = self.network(images).float()
        loss, error = self.head.losses(density, batch)
        self.descent.descend(loss, index)
        return {"loss": loss.detach(), "crop_error": error.detach()}

    def draw(self, index: int) -> CropBatch:
        """Draw the crops of a step, some of them with faults of the field."""
        settings = self.settings
        batch = self.images.draw(self.crops, batch=settings.batch, step=index)
        if not settings.faults:
            return batch
        rng = np.random.default_rng([settings.seed, index, _FAULTS_STREAM])
        return replace(batch, images=paint_faults(batch.images, settings.faults, rng))

    def place(self, images: torch.Tensor) -> torch.Tensor:
        """Put crops on the device, in the layout that convolutions like."""
        return images.to(self.fabric.device, memory_format=torch.channels_last)

    def finished(self) -> torch.nn.Module:
        """Return the averaged network, with statistics that belong to the averaged weights."""
        network = self.descent.average.module
        first = self.settings.steps

        def draw(index: int) -> torch.Tensor:
            return self.place(self.draw(first + index).images)

        measure_statistics(network, draw, _STATISTICS_BATCHES)
        return network


def pretrain_counter(
    out: Path,
    sets: Sequence[CountedImageSet],
    settings: CounterTrainingSettings,
    *,
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Train a counter on the labelled training images of some sets; write its model folder.

    Parameters
    ----------
    sets
        Labelled sets. Where a set is split, only its training images are read.
    device
        Where to compute.
    overwrite
        Discard a run with other settings in `out`.

    Returns
    -------
    pathlib.Path
        ``out``.
    """
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=MODEL_FILES)
    images, hashes = read_many_sets(sets, settings.diameter, settings.synthetic_share)
    run.keep_inputs(hashes)
    if (out / "model.json").exists():
        return out
    fabric = start_fabric(device, settings.precision)
    torch.manual_seed(settings.seed)
    run.record_environment(fabric.device)
    step = CounterStep(images, settings, fabric)
    started = time.perf_counter()
    run_steps(
        step,
        steps=settings.steps,
        state=step.state,
        run=run,
        save_every=250,
        log_every=50,
        description="counter",
        seed=settings.seed,
        units={"mae": "cells a crop"},
    )
    run.record_timing("counter", time.perf_counter() - started)
    record = ModelRecord(
        kind="centres",
        regime="supervised",
        init="random",
        crop=settings.crop,
        working_diameter_px=settings.diameter,
        normalisation="image",
        intensity={"0": (0.0, 1.0)},
        training_images=hashes,
        known=_looks_of_real_images(sets),
    )
    network = step.finished().cpu()
    measured, calibration = _measure(network_counter(record, network), sets)
    record = record.changed(measured=measured, calibration=calibration)
    sources = ", ".join(
        f"{one.folder.name} ({len(one.training_part().labelled())})" for one in sets
    )
    card = model_card(
        "Cell counter: centres",
        {"trained on": f"{sources}; {settings.steps} steps", "regime": "many microscopes"},
        measured,
    )
    write_network_model(out, record, network, card=card, dtype=torch.float16)
    return out


def _measure(
    counter: Counter, sets: Sequence[CountedImageSet]
) -> tuple[dict[str, float] | None, Calibration | None]:
    """Count the real validation images of the sets."""
    predicted, true = [], []
    for one in sets:
        for record in one.with_records(one.images_of("val")).labelled():
            if not record.synthetic:
                predicted.append(counter.count(one.read(record).pixels).count)
                true.append(float(len(one.points(record))))
    if not predicted:
        return None, None
    errors = count_errors(predicted, true).as_dict()
    known = {name: float(value) for name, value in errors.items() if math.isfinite(value)}
    return known, calibrate(predicted, true)


def _looks_of_real_images(sets: Sequence[CountedImageSet]) -> TrainingStatistics | None:
    """Describe the real images: simulated ones of every kind would make every image a known one."""
    pixels, counts, sizes = [], [], []
    for one in sets:
        for record in one.training_part().labelled():
            if not record.synthetic:
                pixels.append(one.read(record).pixels)
                counts.append(float(len(one.points(record))))
                sizes.append(measured_diameter(pixels[-1]) or math.nan)
    return known_images(pixels, counts, sizes)
