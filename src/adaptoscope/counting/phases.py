"""The stretches of a training: which images their crops are cut from, and how fast they learn."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from adaptoscope.counting.crops import CropBatch, TrainingImages
from adaptoscope.counting.dacs import draw_dacs
from adaptoscope.counting.dual import draw_dual
from adaptoscope.counting.heads.density import DensityHead
from adaptoscope.counting.heads.kind import Head
from adaptoscope.counting.learning_set import refuse_kept_back
from adaptoscope.counting.settings import CountingSettings, DensitySettings
from adaptoscope.counting.teacher import Teacher
from adaptoscope.counting.training_images import read_training_images
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import InputError
from adaptoscope.training.averaging import AveragedWeights


@dataclass(frozen=True, eq=False)
class Phase:
    """A stretch of steps on one set of images, or on two at once.

    Parameters
    ----------
    first, end
        First step of the phase, and the step after its last.
    """

    images: tuple[TrainingImages, ...]
    draw: Callable[[int], CropBatch]
    first: int
    end: int


def phases_of(
    settings: CountingSettings,
    real: CountedImageSet,
    synthetic: CountedImageSet | None,
    head: Head,
    average: AveragedWeights | None,
) -> list[Phase]:
    """Return the phases of a training, from step 0 on.

    Parameters
    ----------
    real, synthetic
        The images; `synthetic` for every regime but ``supervised``.
    average
        Its averaged weights, which a teacher needs.
    """
    if settings.regime == "supervised":
        return [_single(settings, read_part(settings, real, real), 0, settings.steps)]
    if synthetic is None:
        raise InputError(
            f"The regime {settings.regime} needs synthetic images.",
            expected="a folder of synthetic counted images beside the real ones",
            found="real images only",
            remedy="give --synthetic FOLDER, or choose the regime supervised",
        )
    drawn = read_part(settings, synthetic, real)
    taken = read_part(settings, real, real, labels=settings.mode != "teacher")
    if settings.regime == "fine_tuned":
        begun = settings.pretrain_steps
        return [
            _single(settings, drawn, 0, begun),
            _single(settings, taken, begun, settings.total_steps),
        ]
    draw = _joined(settings, drawn, taken, head, average)
    return [Phase(images=(drawn, taken), draw=draw, first=0, end=settings.steps)]


def read_part(
    settings: CountingSettings,
    images: CountedImageSet,
    real: CountedImageSet,
    *,
    labels: bool = True,
) -> TrainingImages:
    """Read the training part of a set.

    Parameters
    ----------
    images
        The set; where it has splits, only ``train`` is read.
    real
        The real set, none of whose images kept back may be among them.
    labels
        As in `read_training_images`.
    """
    part = images.training_part()
    refuse_kept_back(part, real)
    return read_training_images(part, settings, labels=labels)


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


def _joined(
    settings: CountingSettings,
    drawn: TrainingImages,
    taken: TrainingImages,
    head: Head,
    average: AveragedWeights | None,
) -> Callable[[int], CropBatch]:
    """Return what draws batches of both kinds of images."""
    if isinstance(settings, DensitySettings) and settings.mode == "teacher":
        if not isinstance(head, DensityHead) or average is None:
            raise TypeError("a teacher is the average of a density network")
        teacher = Teacher(settings, average.module, head.target, head.stride)
        return lambda step: teacher.draw(drawn, taken, step)
    join = draw_dual if settings.regime == "dual" else draw_dacs
    return lambda step: join(settings, drawn, taken, step)


def _single(settings: CountingSettings, images: TrainingImages, first: int, end: int) -> Phase:
    return Phase(
        images=(images,),
        draw=lambda step: images.draw(settings, batch=settings.batch, step=step),
        first=first,
        end=end,
    )
