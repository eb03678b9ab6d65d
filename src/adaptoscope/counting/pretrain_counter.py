"""Train a counter for many microscopes: densities of cells on crops of public sets and simulation.

Crops are enlarged or made smaller until their cells are of about one size, and their appearance is
changed at random, so that the counter works on images of microscopes that it has not seen.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from adaptoscope.counting.crops import MARGIN
from adaptoscope.counting.density import density_of_centres
from adaptoscope.counting.heads import DensityHead
from adaptoscope.counting.model_card import model_card
from adaptoscope.counting.model_folder import MODEL_FILES, ModelRecord, write_model
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.images.files import MicroscopyImage
from adaptoscope.images.normalisation import measure_range
from adaptoscope.networks.centres_network import STRIDE, CentresNetwork
from adaptoscope.training.appearance import change_appearance, draw_appearance
from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.patch_pool import PATCH, PatchPool, PoolImage
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.schedule import learning_rate_at
from adaptoscope.training.settings import Settings
from adaptoscope.training.step_loop import Device, run_steps, seed_of_step, start_fabric

_SMALLEST_AREA = 20


class CounterTrainingSettings(Settings):
    """How a counter for many microscopes is trained."""

    steps: int = Field(default=3000, ge=1)
    """Training steps."""
    batch: int = Field(default=16, ge=1)
    """Crops in a step."""
    crop: int = Field(default=128, ge=64, le=PATCH, multiple_of=16)
    """Side of a crop in pixels; at most that of a patch."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """AdamW, cosine decay to a twentieth."""
    diameter: float = Field(default=12.0, ge=4)
    """Cell diameter in pixels that images to count are brought to."""
    diameter_range: tuple[float, float] = (8.0, 18.0)
    """Cell diameters in the training crops, in pixels: measured diameters are never exact."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Arithmetic of the forward passes."""
    seed: int = 0
    """Seed of weights and crops."""

    @model_validator(mode="after")
    def _diameters_hold_the_usual_one(self) -> "CounterTrainingSettings":
        if not 2 <= self.diameter_range[0] <= self.diameter <= self.diameter_range[1]:
            raise ValueError("diameter_range needs two numbers with diameter between them")
        return self


class CounterStep:
    """One training step: crops, their densities, Poisson loss."""

    def __init__(self, pool: PatchPool, settings: CounterTrainingSettings, fabric: Any) -> None:
        self.pool, self.settings, self.fabric = pool, settings, fabric
        network = CentresNetwork().to(memory_format=torch.channels_last)
        self.network = network.to(fabric.device)
        self.head = DensityHead(self.network, STRIDE, "poisson")
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=0.02
        )
        self.average = AveragedWeights(self.network, 0.998)
        self.state: dict[str, Stateful] = {
            "network": self.network,
            "optimiser": self.optimiser,
            "average": self.average,
        }

    def __call__(self, index: int) -> Mapping[str, float | torch.Tensor]:
        """Take step `index`; return the loss and the mean absolute error of whole crops."""
        settings = self.settings
        images, wanted = draw_density_crops(self.pool, settings, index)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(index, settings.steps, settings.learning_rate, 100)
        with self.fabric.autocast():
            density = self.network(images).float()
        loss = self.head.loss_of(density, wanted)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update()
        error = (density - wanted).sum((1, 2, 3)).abs().mean()
        return {"loss": loss.detach(), "crop_error": error.detach()}


def draw_density_crops(
    pool: PatchPool, settings: CounterTrainingSettings, index: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw augmented crops and their densities; both depend only on (seed, index).

    Returns
    -------
    tuple
        Images of shape (B, 1, crop, crop), and densities of shape (B, 1, crop / 2, crop / 2).
    """
    rng = np.random.default_rng([settings.seed, index])
    device = pool.pixels.device
    noise = torch.Generator(device).manual_seed(seed_of_step(settings.seed, index))
    windows = pool.draw_windows(
        rng,
        settings.batch,
        settings.crop,
        unscaled_share=0.15,
        diameter_range=settings.diameter_range,
    )
    change = draw_appearance(rng, settings.batch)
    images = change_appearance(pool.crops(windows, settings.crop)[:, :1], change, noise)
    centres = pool.centres_in_crops(windows, settings.crop, margin=MARGIN)
    wanted = density_of_centres(centres, settings.crop // STRIDE, STRIDE)
    return images.clamp(-1.0, 4.0).contiguous(memory_format=torch.channels_last), wanted


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
    out
        Run folder, which becomes the model folder.
    sets
        Labelled sets. Where a set is split, only its training images are read.
    settings
        Complete settings.
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
    for each in sets:
        check_labels(each.training_part())
    hashes = {image.sha256: record.file_name for _, record, image in _training_images(sets)}
    run.keep_inputs(hashes)
    if (out / "model.json").exists():
        return out
    fabric = start_fabric(device, settings.precision)
    torch.manual_seed(settings.seed)
    run.record_environment(fabric.device)
    step = CounterStep(PatchPool(_pool_images(sets), 0, fabric.device), settings, fabric)
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
    )
    sources = ", ".join(
        f"{one.folder.name} ({len(one.training_part().labelled())})" for one in sets
    )
    card = model_card(
        "Cell counter: centres",
        {"trained on": f"{sources}; {settings.steps} steps", "regime": "many microscopes"},
        None,
    )
    write_model(out, record, card=card, weights=step.average.module.state_dict())
    return out


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
            diameter=record.cell_diameter_px or _diameter_of_mask(sets[number], record),
        )


def _diameter_of_mask(images: CountedImageSet, record: ImageRecord) -> float | None:
    """Return the median diameter of the cells of a mask, as of discs of their area."""
    mask = images.mask(record)
    if mask is None:
        return None
    areas = np.bincount(mask.ravel())[1:]
    areas = areas[areas > _SMALLEST_AREA]
    return float(np.sqrt(4 * np.median(areas) / np.pi)) if len(areas) else None
