"""Settings for Syn-HC that follow a set of real images, measured without labels (`--like`).

Only sizes, densities and grey levels are taken over, never pixels. Where the set is divided, only
its training images are measured.
"""

from collections.abc import Iterable

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.imitation import common_pixel_size, images_to_imitate
from adaptoscope.images.measurement import measure_image
from adaptoscope.images.set_measures import (
    SetMeasures,
    refuse_no_nuclei,
    shows_cells,
    summarise_measures,
)
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.progress import progress

__all__ = ["SetMeasures", "measure_set", "settings_like"]


def measure_set(
    real: CountedImageSet,
    *,
    most_images: int = 24,
    held_out: Iterable[CountedImageSet] = (),
) -> SetMeasures:
    """Measure cell size, density and grey levels of at most `most_images`, evenly over the list.

    Labels are not used. Of a set with splits only training images are measured; none of them may be
    among the validation and test images of `real` and `held_out`, told by pixels and source.
    """
    images = images_to_imitate(
        real, most_images=most_images, held_out=held_out, purpose="measure drawings on"
    )
    measures = [measure_image(image.pixels) for image in progress(images, "measure", unit="image")]
    shown = (
        shows_cells(image.pixels, each.diameter)
        for image, each in zip(images, measures, strict=True)
    )
    refuse_no_nuclei(sum(shown), len(images))
    pixel_size_um = common_pixel_size(image.pixel_size_um for image in images)
    return summarise_measures(measures, images[0].scale.bit_depth, pixel_size_um)


def settings_like(
    measures: SetMeasures, base: SynthesisSettings | None = None
) -> SynthesisSettings:
    """Turn measures into settings of the generator; what is not measured is taken from `base`.

    Density is drawn per image from the measured distribution. Contrast varies by a tenth and
    brightness not at all, since the spread of the background is measured.
    """
    base = base or SynthesisSettings()
    area = base.height * base.width * 1e-6
    densest = int(np.ceil(measures.cells_per_mpx_quantiles[-1] * area))
    return base.changed(
        cell_diameter_px=min(max(measures.cell_diameter_px, 3.0), 400.0),
        semi_axis_quantiles=measures.semi_axes,
        cells_per_mpx_quantiles=measures.cells_per_mpx_quantiles,
        count_limit=max(base.count_limit, densest),
        intensity_range=measures.nucleus_intensity,
        background_mean_range=measures.background_mean,
        background_sd=measures.background_sd,
        contrast_range=(0.9, 1.1),
        brightness_range=(0.0, 0.0),
        bit_depth=measures.bit_depth,
        pixel_size_um=measures.pixel_size_um,
    )
