"""Train the compact backbone on a lab's own unlabelled images."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.images.cell_centres import no_points
from adaptoscope.style_transfer.compact import CompactBackbone
from adaptoscope.style_transfer.intensity_range import IntensityRange
from adaptoscope.style_transfer.layout import PLANES, layout_planes
from adaptoscope.style_transfer.settings import BackboneTrainingSettings
from adaptoscope.style_transfer.train_autoencoder import AutoencoderStep
from adaptoscope.style_transfer.train_denoiser import DenoiserStep, measure_latents
from adaptoscope.training.patch_pool import PatchPool, PoolImage
from adaptoscope.training.progress import progress
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, run_steps, start_fabric

PARTS = ("backbone", "autoencoder", "denoiser")


def train_backbone(
    out: Path,
    images: Sequence[CountedImageSet],
    settings: BackboneTrainingSettings,
    *,
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Train autoencoder, U-Net and style encoder; go on where an interrupted run stopped.

    Parameters
    ----------
    out
        Run folder; the finished backbone stands in ``out/backbone``.
    images
        Sets to learn from. Where a set is split, only its training images are read. Masks, where
        there are any, teach the layout condition; counts and points are not read.
    settings
        Complete settings.
    device
        Where to compute.
    overwrite
        Discard a run with other settings in `out`.

    Returns
    -------
    pathlib.Path
        The backbone's folder.
    """
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=PARTS)
    parts = [image_set.training_part() for image_set in images]
    run.keep_inputs(sha256 for part in parts for sha256 in part.hashes().values())
    finished = out / "backbone"
    if (finished / "backbone.json").exists():
        return finished
    fabric = start_fabric(device, settings.precision)
    torch.manual_seed(settings.seed)
    backbone = CompactBackbone(settings.network)
    pool = PatchPool(_pool_images(parts), PLANES, fabric.device)
    started = time.perf_counter()
    first = AutoencoderStep(backbone, pool, settings, fabric)
    run_steps(
        first,
        steps=settings.autoencoder.steps,
        state=first.state,
        run=RunFolder(out / "autoencoder"),
        save_every=500,
        log_every=100,
        description="autoencoder",
        seed=settings.seed,
    )
    backbone.autoencoder.load_state_dict(first.average.module.state_dict())
    backbone.to(fabric.device).autoencoder.eval()
    measure_latents(backbone, pool, settings)
    run.record_timing("autoencoder", time.perf_counter() - started)
    started = time.perf_counter()
    second = DenoiserStep(backbone, pool, settings, fabric)
    run_steps(
        second,
        steps=settings.denoiser.steps,
        state=second.state,
        run=RunFolder(out / "denoiser"),
        save_every=500,
        log_every=100,
        description="denoiser",
        seed=settings.seed + 1,
    )
    second.trained.load_state_dict(second.average.module.state_dict())
    run.record_timing("denoiser", time.perf_counter() - started)
    backbone.save(finished)
    return finished


def _pool_images(sets: Sequence[CountedImageSet]) -> Iterator[PoolImage]:
    for number, image_set in enumerate(sets):
        for record in progress(image_set, f"read {image_set.folder.name}", len(image_set)):
            image = image_set.read(record)
            mask = image_set.mask(record)
            values = IntensityRange.of(image.pixels).to_model(image.pixels)
            yield PoolImage(
                pixels=((values + 1) / 2).astype(np.float32),
                planes=None if mask is None else layout_planes(mask),
                points=no_points(),
                group=f"{number}/{record.group}",
            )
