"""Batches of real and synthetic crops: half of each, or pasted into one another (paper 1)."""

import numpy as np
import torch

from adaptoscope.counting.crops import CropBatch, TrainingImages
from adaptoscope.counting.cutmix import draw_box, paste
from adaptoscope.counting.settings import CountingSettings

_SYNTHETIC_STREAM = 1
_BOX_STREAM = 2


def half_of_each(
    settings: CountingSettings, synthetic: TrainingImages, real: TrainingImages, step: int
) -> CropBatch:
    """Draw a batch of which the first half is synthetic and the second real (regime `dual`).

    Parameters
    ----------
    settings
        Size of the batch, seed, random changes.
    """
    half = settings.batch // 2
    drawn = synthetic.draw(settings, batch=half, step=step, stream=_SYNTHETIC_STREAM)
    taken = real.draw(settings, batch=half, step=step)
    return CropBatch(torch.cat([drawn.images, taken.images]), (*drawn.points, *taken.points))


def mixed(
    settings: CountingSettings, synthetic: TrainingImages, real: TrainingImages, step: int
) -> CropBatch:
    """Draw a batch of which the second half is real crops, some mixed with the synthetic ones.

    Regime `dacs` with `mode: cutmix`: a box is drawn for a share of the real crops. In half of
    them it shows the synthetic crop over the real one, in the other half the reverse; cells count
    where they are seen.

    Parameters
    ----------
    settings
        As for `half_of_each`, and how often and how large boxes are.
    """
    batch = half_of_each(settings, synthetic, real, step)
    generator = np.random.default_rng([settings.seed, step, _BOX_STREAM])
    half = settings.batch // 2
    images, points = batch.images.clone(), list(batch.points)
    for index in range(half, 2 * half):
        chosen, synthetic_above = generator.random(2) < [settings.mix_share, 0.5]
        box = draw_box(settings.crop, settings.crop, settings.mix_alpha, generator)
        if chosen:
            own = (batch.images[index], batch.points[index])
            other = (batch.images[index - half], batch.points[index - half])
            below, above = (own, other) if synthetic_above else (other, own)
            images[index], points[index] = paste(below, above, box)
    return CropBatch(images, tuple(points))
