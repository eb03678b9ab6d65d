"""DACS with CutMix (paper 1): real crops with boxes of synthetic ones in them, and the reverse."""

import numpy as np

from adaptoscope.counting.crops import CropBatch, TrainingImages
from adaptoscope.counting.cutmix import draw_box, paste
from adaptoscope.counting.dual import draw_dual
from adaptoscope.counting.settings import CountingSettings

# Boxes have numbers of their own, so that crops are those of `dual` (stream 0 and 1).
_BOX_STREAM = 2


def draw_dacs(
    settings: CountingSettings, synthetic: TrainingImages, real: TrainingImages, step: int
) -> CropBatch:
    """Draw a batch of which the second half is real crops, some mixed with the synthetic ones.

    Regime `dacs` with `mode: cutmix`: a box is drawn for a share of the real crops. In half of
    them it shows the synthetic crop over the real one, in the other half the reverse; cells count
    where they are seen.

    Parameters
    ----------
    settings
        Size of the batch, seed, and how often and how large boxes are.
    """
    batch = draw_dual(settings, synthetic, real, step)
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
