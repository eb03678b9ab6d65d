"""Settings for Syn-HC that follow a set of real images, measured without labels (`--like`).

Only sizes, densities and grey levels are taken over, never pixels. Where the set is divided, only
its training images are measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.errors import InputError
from adaptoscope.images.measurement import ImageMeasures, measure_image
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.progress import progress

DENSITY_QUANTILES = 11


@dataclass(frozen=True)
class SetMeasures:
    """What a set of real images tells about itself.

    Attributes
    ----------
    images
        Number of images measured.
    cell_diameter_px
        Median over images of the median diameter in pixels.
    cells_per_mpx_quantiles
        Evenly spaced quantiles over images of the density, from smallest to largest.
    nucleus_intensity
        Range of the mean intensity of nuclei in stored counts: the 5 % quantile of a dim image
        (first quartile) to the 95 % quantile of a bright one (third quartile).
    background_mean
        Range (5 % and 95 % of images) of the background level, in stored counts.
    background_sd
        Median standard deviation of the background in stored counts.
    noise_sd
        Median standard deviation of the fine noise in stored counts.
    bit_depth
        Bits of the stored files, 8 or 16.
    pixel_size_um
        Pixel size in micrometres if all images state the same, else None.
    """

    images: int
    cell_diameter_px: float
    cells_per_mpx_quantiles: tuple[float, ...]
    nucleus_intensity: tuple[float, float]
    background_mean: tuple[float, float]
    background_sd: float
    noise_sd: float
    bit_depth: int
    pixel_size_um: float | None


def measure_set(
    real: CountedImageSet,
    *,
    most_images: int = 24,
    held_out: Iterable[CountedImageSet] = (),
) -> SetMeasures:
    """Measure cell size, density and grey levels of a set of real images.

    Parameters
    ----------
    real
        Images of bright nuclei on a dark ground. Labels are not used. Where the set is split, only
        its training images are measured.
    most_images
        At most this many images, evenly over the list, are measured.
    held_out
        Further sets whose validation and test images must not be among the images of `real`,
        measured or not; they are recognised by their pixels and their source.

    Returns
    -------
    SetMeasures
        The measures.

    Raises
    ------
    LeakageError
        If an image is one that is kept back.
    InputError
        If the set has splits but none is ``train``, bit depths are mixed, or no nucleus is seen
        anywhere.
    """
    free = real.training_part()
    refuse_held_out_images(free, (real, *held_out), "measure drawings on")
    images = [free.read(record) for record in _spread_out(free.records, most_images)]
    depths = {image.scale.bit_depth for image in images}
    if len(depths) > 1:
        raise InputError(
            "The images to imitate have different bit depths.",
            expected="one bit depth",
            found=", ".join(f"{depth} bit" for depth in sorted(depths)),
            remedy="imitate one kind of images at a time",
        )
    bit_depth = depths.pop()
    sizes = {image.pixel_size_um for image in images}
    measures = [measure_image(image.pixels) for image in progress(images, "measure")]
    return _summarise(measures, bit_depth, sizes.pop() if len(sizes) == 1 else None)


def settings_like(
    measures: SetMeasures, base: SynthesisSettings | None = None
) -> SynthesisSettings:
    """Turn measures into settings of the generator.

    Parameters
    ----------
    measures
        From `measure_set`.
    base
        Settings that give all that is not measured, the canvas among it; the defaults if not given.

    Returns
    -------
    SynthesisSettings
        Density is drawn per image from the measured distribution. Contrast varies by a tenth and
        brightness not at all, since the spread of the background is measured.
    """
    base = base or SynthesisSettings()
    area = base.height * base.width * 1e-6
    densest = int(np.ceil(measures.cells_per_mpx_quantiles[-1] * area))
    return base.changed(
        cell_diameter_px=min(max(measures.cell_diameter_px, 3.0), 400.0),
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


def _spread_out(records: Sequence[ImageRecord], most: int) -> list[ImageRecord]:
    chosen = np.unique(np.linspace(0, len(records) - 1, min(most, len(records))).round())
    return [records[int(index)] for index in chosen]


def _summarise(
    measures: Sequence[ImageMeasures], bit_depth: int, pixel_size_um: float | None
) -> SetMeasures:
    seen = [measure for measure in measures if measure.number > 0]
    if not seen:
        raise InputError(
            "No nucleus was seen in the images to imitate.",
            expected="bright nuclei on a dark ground",
            found=f"none in {len(measures)} images",
            remedy="choose another channel, or give the cell diameter and intensities as settings",
        )
    counts = 2.0**bit_depth - 1
    densities = [measure.cells_per_mpx for measure in measures]
    backgrounds = counts * np.quantile([m.background_mean for m in measures], (0.05, 0.95))
    dimmest = counts * np.quantile([m.nucleus_intensity[0] for m in seen], 0.25)
    brightest = counts * np.quantile([m.nucleus_intensity[-1] for m in seen], 0.75)
    return SetMeasures(
        images=len(measures),
        cell_diameter_px=float(np.median([measure.diameter for measure in seen])),
        cells_per_mpx_quantiles=tuple(
            np.quantile(densities, np.linspace(0, 1, DENSITY_QUANTILES)).tolist()
        ),
        nucleus_intensity=(float(dimmest), float(brightest)),
        background_mean=(float(backgrounds[0]), float(backgrounds[1])),
        background_sd=counts * float(np.median([m.background_sd for m in measures])),
        noise_sd=counts * float(np.median([m.noise_sd for m in measures])),
        bit_depth=bit_depth,
        pixel_size_um=pixel_size_um,
    )
