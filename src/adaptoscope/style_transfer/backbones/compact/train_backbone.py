"""Train the compact backbone on a lab's own unlabelled images."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.transform import downscale_local_mean

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import SettingsError
from adaptoscope.images.cell_centres import no_points
from adaptoscope.images.measurement import segment_nuclei
from adaptoscope.pretrained.bundled import hash_of_weights
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.compact.train_autoencoder import AutoencoderStep
from adaptoscope.style_transfer.backbones.compact.train_denoiser import (
    DenoiserStep,
    measure_latents,
)
from adaptoscope.style_transfer.intensity_range import BackboneRange
from adaptoscope.style_transfer.layout_condition import PLANES, layout_planes
from adaptoscope.style_transfer.settings import BackboneTrainingSettings
from adaptoscope.training.patch_pool import PatchPool, PoolImage
from adaptoscope.training.progress import progress
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, run_steps, start_fabric

PARTS = ("backbone", "autoencoder", "denoiser")
_LARGE = 20.0
"""Cells wider than this many pixels are shown at half their size too."""


def train_backbone(
    out: Path,
    images: Sequence[CountedImageSet],
    settings: BackboneTrainingSettings,
    *,
    start: Path | None = None,
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
    start
        Folder of a backbone to go on from, of the same shape; random weights if not given.
    overwrite
        Discard a run with other settings in `out`.
    """
    parts = [image_set.training_part() for image_set in images]
    inputs = _inputs(parts, start)
    torch.manual_seed(settings.seed)
    backbone = _begin(settings, start)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=PARTS)
    run.keep_named_inputs(inputs)
    finished = out / "backbone"
    if (finished / "backbone.json").exists():
        return finished
    fabric = start_fabric(device, settings.precision)
    run.record_environment(fabric.device)
    pool = PatchPool(_pool_images(parts, settings), PLANES, fabric.device)
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


def _inputs(parts: Sequence[CountedImageSet], start: Path | None) -> dict[str, str]:
    """Return the hash of everything that is learnt from, by a name that a person knows it by."""
    found = {
        f"image {name}" if len(parts) == 1 else f"image {number}/{name}": sha256
        for number, part in enumerate(parts, start=1)
        for name, sha256 in part.hashes().items()
    }
    return found if start is None else found | {"backbone to start from": hash_of_weights(start)}


def _begin(settings: BackboneTrainingSettings, start: Path | None) -> CompactBackbone:
    if start is None:
        return CompactBackbone(settings.network)
    backbone = CompactBackbone.load(start)
    if backbone.settings != settings.network:
        raise SettingsError(
            f"The training cannot start from the backbone {start}.",
            expected=f"a network of the shape {settings.network!r}",
            found=repr(backbone.settings),
            remedy="take the shape in its backbone.json as `network`, or begin without it",
        )
    return backbone.train().requires_grad_(True)


def _pool_images(
    sets: Sequence[CountedImageSet], settings: BackboneTrainingSettings
) -> Iterator[PoolImage]:
    for number, image_set in enumerate(sets):
        for record in progress(
            image_set, f"read {image_set.folder.name}", len(image_set), unit="image"
        ):
            image = image_set.read(record)
            mask = image_set.mask(record)
            labels = segment_nuclei(image.pixels)[0] if mask is None else mask
            span = BackboneRange.of_cells(image.pixels, labels)
            shares = ((span.to_model(image.pixels) + 1) / 2).astype(np.float32)
            diameter = _typical_diameter(labels)
            whole = PoolImage(
                pixels=shares,
                planes=None if mask is None else layout_planes(mask),
                points=no_points(),
                group=f"{number}/{record.group}",
                diameter=diameter,
            )
            yield whole
            if diameter and diameter > _LARGE and min(shares.shape) >= 2 * settings.crop:
                yield _halve(whole, mask)


def _typical_diameter(labels: NDArray[np.integer]) -> float | None:
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    return float(np.median(2 * np.sqrt(areas / np.pi))) if len(areas) else None


def _halve(image: PoolImage, mask: NDArray[np.uint16] | None) -> PoolImage:
    """Return the image at half its size, as a lens of half the power would show it."""
    height, width = (side // 2 * 2 for side in image.pixels.shape)
    assert image.diameter is not None
    return PoolImage(
        pixels=downscale_local_mean(image.pixels[:height, :width], (2, 2)).astype(np.float32),
        planes=None if mask is None else layout_planes(mask[:height:2, :width:2]),
        points=image.points,
        group=image.group,
        diameter=image.diameter / 2,
    )
