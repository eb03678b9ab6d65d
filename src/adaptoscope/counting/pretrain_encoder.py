"""Train the `nuclei` encoder: local counts on crops of public sets and simulation.

The encoder learns to say, for each square of 32 x 32 pixels, how many cells have their centre
there. That is a far richer signal than one number per crop, and what a counter needs to start from.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn
from torch.nn import functional

from adaptoscope.counting.pretraining import PretrainingSettings, PretrainingStep, pretrain
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.images.normalisation import measure_range
from adaptoscope.networks.nuclei_encoder import FEATURES, NucleiEncoder
from adaptoscope.pretrained.encoders import write_features
from adaptoscope.pretrained.weights_files import write_weights
from adaptoscope.training.augmentation import change_appearance, draw_appearance
from adaptoscope.training.patch_pool import PATCH, PatchPool, PoolImage, count_on_grid
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, seed_of_step

# Pixels per feature of EfficientNet-B0.
STRIDE = 32
WEIGHTS = "nuclei_encoder.safetensors"
FEATURES_FILE = "nuclei_encoder.onnx"


class EncoderTrainingSettings(PretrainingSettings):
    """How the encoder is trained."""

    steps: int = Field(default=6000, ge=1)
    """Training steps."""
    batch: int = Field(default=64, ge=1)
    """Crops in a step."""
    crop: int = Field(default=128, ge=64, le=PATCH, multiple_of=32)
    """Side of a crop in pixels; at most that of a patch."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """AdamW, cosine decay to a twentieth."""
    scale_range: tuple[float, float] = (0.6, 1.8)
    """Image pixels per crop pixel."""

    @model_validator(mode="after")
    def _scales_rise_from_above_zero(self) -> "EncoderTrainingSettings":
        if not 0 < self.scale_range[0] <= self.scale_range[1]:
            raise ValueError("scale_range needs two numbers above 0, the smaller first")
        return self


class LocalCounter(nn.Module):
    """The encoder with one more layer that turns each feature into a count of its square."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = NucleiEncoder()
        self.head = nn.Conv2d(FEATURES, 1, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return counts of shape (B, 1, H / 32, W / 32), never negative."""
        return functional.softplus(self.head(self.encoder(images)))


class EncoderStep(PretrainingStep):
    """One training step: crops, local counts, Poisson loss."""

    def __init__(self, pool: PatchPool, settings: EncoderTrainingSettings, fabric: Any) -> None:
        super().__init__(LocalCounter(), settings, fabric, warm_up=300)
        self.pool, self.settings = pool, settings

    def losses(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Compare local counts."""
        images, counts = draw_counted_crops(self.pool, self.settings, index)
        predicted = self.predict(images)
        loss = functional.poisson_nll_loss(predicted, counts, log_input=False, full=False)
        error = (predicted.sum((1, 2, 3)) - counts.sum((1, 2, 3))).abs().mean()
        return loss, error


def draw_counted_crops(
    pool: PatchPool, settings: EncoderTrainingSettings, index: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw augmented crops and their local counts; both depend only on (seed, index).

    Returns
    -------
    tuple
        Images of shape (B, 1, crop, crop), and counts of shape (B, 1, crop / 32, crop / 32).
    """
    rng = np.random.default_rng([settings.seed, index])
    device = pool.pixels.device
    noise = torch.Generator(device).manual_seed(seed_of_step(settings.seed, index))
    windows = pool.draw_windows(
        rng, settings.batch, settings.crop, scale_range=settings.scale_range
    )
    change = draw_appearance(rng, settings.batch)
    images = change_appearance(pool.crops(windows, settings.crop)[:, :1], change, noise)
    centres = pool.centres_in_crops(windows, settings.crop)
    return images.clamp(-1.0, 4.0), count_on_grid(centres, settings.crop, STRIDE)


def pretrain_encoder(
    out: Path,
    sets: Sequence[CountedImageSet],
    settings: EncoderTrainingSettings,
    *,
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Train the encoder on the labelled training images of some sets; return its weights.

    Parameters
    ----------
    out
        Run folder; the weights stand in ``out/nuclei_encoder.safetensors``.
    sets
        Where a set is split, only its training images are read.
    overwrite
        Discard a run with other settings in `out`.
    """
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=[WEIGHTS, FEATURES_FILE])
    weights = out / WEIGHTS
    for each in sets:
        check_labels(each.training_part())
    run.keep_inputs(image.sha256 for _, _, image in _training_images(sets))
    if weights.exists():
        return weights

    def step_on(fabric: Any) -> EncoderStep:
        return EncoderStep(PatchPool(_pool_images(sets), 0, fabric.device), settings, fabric)

    step = pretrain("encoder", run, settings, step_on, device=device, save_every=500, log_every=100)
    encoder = step.descent.average.module.get_submodule("encoder")
    write_weights(weights, encoder.state_dict())
    write_features(weights)
    return weights


def _training_images(
    sets: Sequence[CountedImageSet],
) -> Iterator[tuple[int, ImageRecord, MicroscopyImage]]:
    for number, image_set in enumerate(sets):
        for record in image_set.training_part().labelled():
            yield number, record, image_set.read(record)


def _pool_images(sets: Sequence[CountedImageSet]) -> Iterator[PoolImage]:
    for number, record, image in _training_images(sets):
        yield PoolImage(
            pixels=measure_range(image.pixels).apply(image.pixels),
            planes=None,
            points=sets[number].points(record),
            group=f"{number}/{record.group}",
        )
