"""Train a counter for many microscopes: densities of cells on crops of public sets and simulation.

Crops are enlarged or made smaller until their cells are of about one size, and their appearance is
changed at random, so that the counter works on images of microscopes that it has not seen.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from adaptoscope.counting.calibration import calibrate, measured_errors
from adaptoscope.counting.counters import Counter
from adaptoscope.counting.crops import CropBatch, TrainingImages
from adaptoscope.counting.finish import describe_training_images
from adaptoscope.counting.heads.density import DensityHead
from adaptoscope.counting.many_sets import read_many_sets
from adaptoscope.counting.model_card import model_card
from adaptoscope.counting.model_folder import MODEL_FILES, ModelRecord
from adaptoscope.counting.pretraining import PretrainingSettings, PretrainingStep, pretrain
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.counting.trained_network import network_counter, write_network_model
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.networks.geometry import CENTRES
from adaptoscope.training.batch_norm import measure_statistics
from adaptoscope.training.field_faults import paint_faults
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device

# Batches that the statistics of batch normalisation are measured on: 640 crops of the default size.
_STATISTICS_BATCHES = 40
# Tells the draws of faults from those of crops.
_FAULTS_STREAM = 77


class CounterTrainingSettings(PretrainingSettings):
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


class CounterStep(PretrainingStep):
    """One training step: crops, their densities, Poisson loss."""

    def __init__(
        self, images: TrainingImages, settings: CounterTrainingSettings, fabric: Any
    ) -> None:
        super().__init__(CentresNetwork(), settings, fabric, warm_up=100)
        self.images, self.settings = images, settings
        self.crops = settings.crops()
        self.head = DensityHead(self.network, CENTRES.stride, "poisson")

    def losses(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Compare densities."""
        batch = self.draw(index)
        return self.head.losses(self.predict(self.place(batch.images)), batch)

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
    """Train a counter on the labelled training images of some sets; return its model folder.

    Parameters
    ----------
    sets
        Where a set is split, only its training images are read.
    overwrite
        Discard a run with other settings in `out`.
    """
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=MODEL_FILES)
    images, hashes = read_many_sets(sets, settings.diameter, settings.synthetic_share)
    run.keep_inputs(hashes)
    if (out / "model.json").exists():
        return out

    def step_on(fabric: Any) -> CounterStep:
        return CounterStep(images, settings, fabric)

    step = pretrain("counter", run, settings, step_on, device=device, save_every=250, log_every=50)
    record = ModelRecord(
        kind="centres",
        regime="supervised",
        init="random",
        crop=settings.crop,
        working_diameter_px=settings.diameter,
        normalisation="image",
        intensity={"0": (0.0, 1.0)},
        training_images=hashes,
        # Simulated images of every kind would make every image a known one.
        known=describe_training_images(_real(one.training_part()) for one in sets),
    )
    network = step.finished().cpu()
    predicted, true = _count(network_counter(record, network), sets)
    measured = measured_errors(predicted, true) if true else None
    record = record.changed(measured=measured, calibration=calibrate(predicted, true))
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


def _count(counter: Counter, sets: Sequence[CountedImageSet]) -> tuple[list[float], list[float]]:
    """Count the real validation images of the sets; return what was counted and what is true."""
    predicted, true = [], []
    for one in sets:
        validation = _real(one.with_records(one.images_of("val")))
        for record in validation:
            predicted.append(counter.count(validation.read(record).pixels).count)
            true.append(float(len(validation.points(record))))
    return predicted, true


def _real(images: CountedImageSet) -> CountedImageSet:
    return images.with_records(each for each in images.labelled() if not each.synthetic)
