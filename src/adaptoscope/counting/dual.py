"""Dual training (paper 1): half of every batch is synthetic, half real."""

import torch

from adaptoscope.counting.crops import CropBatch, TrainingImages
from adaptoscope.counting.settings import CountingSettings

# Synthetic crops have random numbers of their own beside those of real ones (stream 0).
SYNTHETIC_STREAM = 1


def draw_dual(
    settings: CountingSettings, synthetic: TrainingImages, real: TrainingImages, step: int
) -> CropBatch:
    """Draw a batch of which the first half is synthetic and the second real (regime `dual`)."""
    half = settings.batch // 2
    drawn = synthetic.draw(settings, batch=half, step=step, stream=SYNTHETIC_STREAM)
    taken = real.draw(settings, batch=half, step=step)
    return CropBatch(torch.cat([drawn.images, taken.images]), (*drawn.points, *taken.points))
