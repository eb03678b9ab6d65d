"""Give a picture the intensities, the blur or the noise of another one, without any learning.

The simple ways that every learnt one has to beat. What is matched comes from one reference image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage import exposure

from adaptoscope.imageio.intensity import IntensityRange, robust_range
from adaptoscope.images.degradation import FloatImage, blur
from adaptoscope.images.edge_sharpness import edge_sharpness, width_of_sharpness
from adaptoscope.images.measurement import background_level, mean_of_labels, segment_nuclei
from adaptoscope.images.noise import CameraNoise, add_camera_noise, measure_noise
from adaptoscope.images.planes import check_plane

LOW, HIGH = 1.0, 99.8
"""Percentiles that stand for background and bright cells."""


@dataclass(frozen=True)
class BlurAndNoise:
    """What blur-and-noise matching takes from an image; levels are in [0, 1].

    Attributes
    ----------
    cells_per_mpx
        Nuclei seen per million pixels.
    cells
        Median over the nuclei of their mean brightness; NaN where no nucleus is seen.
    edge_width
        Blur of the borders of cells as the standard deviation of a Gaussian, in pixels; NaN where
        no border is seen.
    """

    cells_per_mpx: float
    background: float
    cells: float
    edge_width: float
    noise: CameraNoise


def measure_blur_and_noise(pixels: FloatImage) -> BlurAndNoise:
    """Measure background, cells, blur and noise of bright nuclei on a dark ground, in [0, 1]."""
    noise = measure_noise(pixels)
    background, cells, labels = _levels(pixels)
    sharpness = edge_sharpness(pixels, labels)
    width = width_of_sharpness(float(np.median(sharpness))) if len(sharpness) else float("nan")
    return BlurAndNoise(float(labels.max()) / pixels.size * 1e6, background, cells, width, noise)


def match_percentiles(
    pixels: FloatImage, reference: FloatImage, *, low: float = LOW, high: float = HIGH
) -> FloatImage:
    """Map intensities in [0, 1] linearly, so that two percentiles become those of a reference.

    Where the nuclei that are seen in the picture, if any, cover too little of it to reach the upper
    percentile, that percentile is noise, which the map would make as bright as cells. Such a
    picture is only moved to the reference's background.
    """
    background, _, labels = _levels(pixels)
    if np.count_nonzero(labels) < (100 - high) / 100 * labels.size:
        return _unit(pixels - np.float32(background) + np.float32(background_level(reference)[0]))
    shares = IntensityRange(*robust_range(pixels, low, high)).normalise(pixels)
    return _unit(IntensityRange(*robust_range(reference, low, high)).denormalise(shares))


def match_histogram(pixels: FloatImage, reference: FloatImage) -> FloatImage:
    """Map intensities, rank by rank, to the histogram of a reference; both in [0, 1].

    The whole histogram is handed out whatever the picture shows: in a drawing without cells the
    brightest noise becomes as bright as the reference's cells. No rule mends that, since a picture
    of background alone could not have the reference's histogram; leave empty drawings out.
    """
    check_plane(pixels, "given another histogram")
    check_plane(reference, "imitated in its histogram")
    return _unit(exposure.match_histograms(pixels, reference))


def match_blur_and_noise(
    pixels: FloatImage, look: BlurAndNoise, rng: np.random.Generator, *, bit_depth: int
) -> FloatImage:
    """Blur a picture in [0, 1] until its borders are as soft as a reference's, then add its noise.

    Between the two steps background and cells are brought linearly to the reference's levels; the
    background alone, with contrasts as they are, where no nucleus is seen in one of the two. The
    rounding of a file of `bit_depth` makes a part of the noise.
    """
    present = measure_blur_and_noise(pixels)
    softened = blur(pixels, missing_blur(present.edge_width, look.edge_width))
    background, cells, _ = _levels(softened)
    height, wanted = cells - background, look.cells - look.background
    # Nuclei are looked for before the blur: blurred noise can look like them.
    seen = bool(np.isfinite(present.cells) and np.isfinite(wanted)) and height > 0
    gain = wanted / height if seen else 1.0
    level = (softened - np.float32(background)) * np.float32(gain) + np.float32(look.background)
    noise = look.noise.without_rounding(bit_depth)
    return _unit(add_camera_noise(level, noise, rng, present=measure_noise(level)))


def missing_blur(present: float, wanted: float) -> float:
    """Return the blur that takes one edge width to another, in pixels: variances add up.

    0 where there is nothing to add, or the wanted width is not known (NaN).
    """
    known = np.isfinite(wanted)
    missing = wanted**2 - (present**2 if np.isfinite(present) else 0.0)
    return float(np.sqrt(missing)) if known and missing > 0 else 0.0


def _levels(pixels: FloatImage) -> tuple[float, float, NDArray[np.int32]]:
    """Background, brightness of the cells (NaN without any), and the cells themselves."""
    background = background_level(pixels)[0]
    labels, _ = segment_nuclei(pixels)
    cells = float(np.median(mean_of_labels(pixels, labels))) if labels.any() else float("nan")
    return background, cells, labels


def _unit(pixels: NDArray[np.floating]) -> FloatImage:
    return np.asarray(np.clip(pixels, 0, 1), dtype=np.float32)
