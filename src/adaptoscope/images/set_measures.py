"""What a set of real images tells about itself: the measures of its images in a few numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptoscope.errors import InputError
from adaptoscope.images.blobs import cell_mask
from adaptoscope.images.degradation import FloatImage
from adaptoscope.images.measurement import ImageMeasures

# Every tenth of the images, the ends among them.
DENSITY_QUANTILES = 11

# Camera noise below a stored step, and smooth grain, give 1,200 "nuclei" of 3.3 to 4.1 pixels
# in a field of 256 pixels; the smallest that are seen in images with cells have 4.2.
_LARGEST_GRAIN = 4.1


@dataclass(frozen=True)
class SetMeasures:
    """What a set of real images tells about itself; intensities are in stored counts.

    Attributes
    ----------
    images
        Number of images measured.
    cell_diameter_px
        Median over images of the median diameter.
    semi_axes
        `AXIS_QUANTILES` of the semi-axes of the nuclei relative to the diameter of their image,
        each the median over images.
    cells_per_mpx_quantiles
        Evenly spaced quantiles over images of the density, from smallest to largest.
    nucleus_intensity
        Mean intensity of nuclei: the 5 % quantile of a dim image (first quartile) to the 95 %
        quantile of a bright one (third quartile).
    background_mean
        Background level of 5 % and 95 % of images.
    background_sd, noise_sd
        Medians of the standard deviation of the background, and of its fine noise.
    pixel_size_um
        If all images state the same, else None.
    """

    images: int
    cell_diameter_px: float
    semi_axes: tuple[float, ...]
    cells_per_mpx_quantiles: tuple[float, ...]
    nucleus_intensity: tuple[float, float]
    background_mean: tuple[float, float]
    background_sd: float
    noise_sd: float
    bit_depth: int
    pixel_size_um: float | None


def summarise_measures(
    measures: Sequence[ImageMeasures], bit_depth: int, pixel_size_um: float | None
) -> SetMeasures:
    """Gather the measures of images into those of their set."""
    seen = [measure for measure in measures if measure.number > 0]
    refuse_no_nuclei(len(seen), len(measures), "give the cell diameter and intensities as settings")
    counts = 2.0**bit_depth - 1
    densities = [measure.cells_per_mpx for measure in measures]
    backgrounds = counts * np.quantile([m.background_mean for m in measures], (0.05, 0.95))
    dimmest = counts * np.quantile([m.nucleus_intensity[0] for m in seen], 0.25)
    brightest = counts * np.quantile([m.nucleus_intensity[-1] for m in seen], 0.75)
    return SetMeasures(
        images=len(measures),
        cell_diameter_px=float(np.median([measure.diameter for measure in seen])),
        semi_axes=tuple(np.median([measure.semi_axes for measure in seen], axis=0).tolist()),
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


def shows_cells(pixels: FloatImage, diameter: float) -> bool:
    """Tell whether an image shows cells, rather than noise or an even ground.

    `diameter` is of the nuclei that `measure_image` saw in it; NaN or 0 if it saw none. True where
    these are no grains of noise, or where the image falls into two levels, as one with dark cells
    does.
    """
    return diameter >= _LARGEST_GRAIN or bool(cell_mask(pixels).any())


def refuse_no_nuclei(
    seen: int,
    images: int,
    otherwise: str = "give the cell diameter and intensities as settings",
) -> None:
    """Refuse images to imitate that show no nucleus, and say what else can be done."""
    if not seen:
        raise InputError(
            "No nucleus was seen in the images to imitate.",
            expected="bright nuclei on a dark ground",
            found=f"none in {images} image(s)",
            remedy=f"choose another channel, or {otherwise}",
        )
