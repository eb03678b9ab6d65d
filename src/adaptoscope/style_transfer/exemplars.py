"""Real images that drawings are matched to without learning, and what is measured on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.imitation import refuse_mixed_depths
from adaptoscope.errors import InputError
from adaptoscope.images.matching import BlurAndNoise, measure_blur_and_noise
from adaptoscope.training.progress import progress


@dataclass(frozen=True)
class Exemplar:
    """A real image that drawings are matched to.

    `look` is its density, levels, blur and noise, as seen without labels.
    """

    record: ImageRecord
    sha256: str
    look: BlurAndNoise
    bit_depth: int
    pixel_size_um: float | None


def measure_exemplars(images: CountedImageSet) -> tuple[Exemplar, ...]:
    """Measure the images of a set, which have one bit depth; labels are not read.

    An image in which no cell or no border of one is seen has the median height of cells above the
    background and the median blur of the others.
    """
    exemplars, depths = [], set()
    for record in progress(list(images), "measure", unit="image"):
        image = images.read(record)
        depth, size = image.scale.bit_depth, image.pixel_size_um
        depths.add(depth)
        refuse_mixed_depths(depths)
        look = measure_blur_and_noise(image.pixels)
        exemplars.append(Exemplar(record, image.sha256, look, depth, size))
    return _fill_unknown(exemplars)


def _fill_unknown(exemplars: Sequence[Exemplar]) -> tuple[Exemplar, ...]:
    """Give images on which no border or no cell was seen the median blur and height of others."""
    looks = [exemplar.look for exemplar in exemplars]
    widths = [look.edge_width for look in looks if np.isfinite(look.edge_width)]
    heights = [look.cells - look.background for look in looks if np.isfinite(look.cells)]
    if not widths:
        raise InputError(
            "No nucleus was seen in the images to imitate.",
            expected="bright nuclei on a dark ground",
            found=f"none in {len(exemplars)} images",
            remedy="choose another channel",
        )
    width, height = float(np.median(widths)), float(np.median(heights))
    filled = [
        replace(
            look,
            edge_width=look.edge_width if np.isfinite(look.edge_width) else width,
            cells=look.cells if np.isfinite(look.cells) else look.background + height,
        )
        for look in looks
    ]
    return tuple(replace(one, look=look) for one, look in zip(exemplars, filled, strict=True))
