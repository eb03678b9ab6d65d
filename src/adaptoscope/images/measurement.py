"""Measures of fluorescence images without labels: size, number and brightness of the nuclei.

Made for dark pictures of bright nuclei, however low the contrast: everything is relative to the
background and the noise that are estimated first. Meant for the typical values of a set of images;
single images can be off by more than the errors given for sets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.images.blobs import watershed_from
from adaptoscope.images.degradation import FloatImage, blur
from adaptoscope.images.medians import otsu_threshold, robust_deviation
from adaptoscope.images.noise import second_differences
from adaptoscope.images.planes import check_plane

Labels = NDArray[np.int32]

# The twentieth at each end is left out, where fragments and clumps lie.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
AXIS_QUANTILES = tuple(np.linspace(0.05, 0.95, 10).round(2).tolist())

# Chosen on the training splits of DSB 2018 and BBBC039; lengths in cell diameters.
_HAZE_WINDOW = 4.0
_HALF_HEIGHT = 0.45
_PEAK_WINDOW = 1.2
_SEED_DISTANCE = 0.3
_SMALLEST_PART = 0.45
# Of white noise after a blur of one pixel: 1 / (2 sqrt(pi)), rounded up.
_NOISE_LEFT_BY_BLUR = 0.3
# One step of 16 bits.
_LEAST_CONTRAST = 1.0 / 65535


@dataclass(frozen=True)
class ImageMeasures:
    """What one image tells about itself; intensities are in [0, 1].

    Attributes
    ----------
    diameter
        Median equivalent diameter of the nuclei in pixels; NaN if none was seen.
    number
        Number of nuclei seen.
    cells_per_mpx
        Density in nuclei per million pixels.
    background_mean, background_sd
        Level between the cells and its standard deviation pixel by pixel.
    noise_sd
        Standard deviation of the fine noise.
    nucleus_intensity
        `QUANTILES` of the mean intensity of nuclei, background included; NaN if none was seen.
    semi_axes
        `AXIS_QUANTILES` of the semi-axes of the nuclei as ellipses, long and short ones together,
        relative to `diameter`; NaN if none was seen.
    """

    diameter: float
    number: int
    cells_per_mpx: float
    background_mean: float
    background_sd: float
    noise_sd: float
    nucleus_intensity: tuple[float, ...]
    semi_axes: tuple[float, ...]


def measure_image(pixels: FloatImage) -> ImageMeasures:
    """Measure nuclei, background and noise of bright nuclei on a dark ground, in [0, 1]."""
    check_plane(pixels, "measured", least=16)
    pixels = pixels.astype(np.float32)
    background, spread = background_level(pixels)
    labels, diameter = segment_nuclei(pixels)
    number = int(labels.max())
    intensity = tuple([float("nan")] * len(QUANTILES))
    axes = tuple([float("nan")] * len(AXIS_QUANTILES))
    if number:
        means = mean_of_labels(pixels, labels)
        intensity = tuple(np.quantile(means, QUANTILES).tolist())
        axes = tuple((np.quantile(_semi_axes(labels), AXIS_QUANTILES) / diameter).tolist())
    return ImageMeasures(
        diameter=diameter,
        number=number,
        cells_per_mpx=number / pixels.size * 1e6,
        background_mean=background,
        background_sd=spread,
        noise_sd=noise_sd(pixels),
        nucleus_intensity=intensity,
        semi_axes=axes,
    )


def _semi_axes(labels: Labels) -> NDArray[np.float64]:
    """Return both semi-axes of the ellipse with the moments of each nucleus, in pixels."""
    from skimage.measure import regionprops_table

    names = ("axis_major_length", "axis_minor_length")
    return np.concatenate([*regionprops_table(labels, properties=names).values()]) / 2


def mean_of_labels(
    pixels: NDArray[np.floating], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the mean brightness of every nucleus; NaN for a label that no pixel has."""
    areas = np.bincount(labels.ravel())[1:]
    sums = np.bincount(labels.ravel(), weights=pixels.ravel())[1:]
    return np.where(areas > 0, sums / np.maximum(areas, 1), np.nan)


def noise_sd(pixels: FloatImage) -> float:
    """Estimate the standard deviation of the pixel noise in the darker half of an image."""
    return robust_deviation(second_differences(pixels)[pixels <= np.median(pixels)], about=0.0)


def background_level(pixels: FloatImage) -> tuple[float, float]:
    """Estimate mean and standard deviation of the level between bright things on a dark ground.

    Bright pixels are cut off again and again, beginning at the darkest third.
    """
    step = 2 if pixels.size > 200_000 else 1
    values = pixels[::step, ::step].ravel()
    level = float(np.percentile(values, 30))
    kept = values
    for _ in range(30):
        below = values[values <= level]
        # Rounding may put the mean of a single level above or below all of its pixels.
        spread = 1.2533 * (float(np.mean(level - below)) if below.size else 0.0) + 1e-6
        near = values[(values < level + 2.5 * spread) & (values > level - 3 * spread)]
        if not near.size:
            break
        kept = near
        moved = float(kept.mean())
        if abs(moved - level) < 1e-3 * spread:
            break
        level = moved
    return level, float(kept.std())


def segment_nuclei(pixels: FloatImage) -> tuple[Labels, float]:
    """Outline the nuclei and find their typical diameter, each with the help of the other.

    Haze wider than a few cells is taken away, then nuclei are cut out at half their height. The
    window that tells haze from cell follows from the diameter found with the one before. Unlike
    `cell_mask`, which one threshold makes, this follows dim nuclei beside bright ones, at many
    times the cost.

    Returns
    -------
    labels
        Label image, shape (H, W), 0 between the nuclei.
    diameter
        Median equivalent diameter in pixels; NaN if no nucleus was seen.
    """
    widest = min(pixels.shape) / 3
    window = widest
    labels, diameter = np.zeros(pixels.shape, dtype=np.int32), float("nan")
    for _ in range(4):
        labels, diameter = _segment_without_haze(pixels - _haze(pixels, window))
        if np.isnan(diameter):
            break
        if diameter > 0.9 * window:
            window = max(window / 3, 16.0)
            continue
        narrower = min(max(_HAZE_WINDOW * diameter, 20.0), widest)
        if narrower > 0.8 * window:
            break
        window = narrower
    return labels, diameter


def _haze(pixels: FloatImage, window: float) -> FloatImage:
    """Light that varies more slowly than the window: a smoothed morphological opening."""
    factor = max(1, int(window // 16))
    coarse = blur(pixels, max(2.0, 0.5 * factor))[::factor, ::factor]
    side = max(3, 2 * int(window / factor / 2) + 1)
    opened = ndimage.maximum_filter(ndimage.minimum_filter(coarse, size=side), size=side)
    opened = ndimage.gaussian_filter(opened, side / 4)
    enlarged = np.repeat(np.repeat(opened, factor, axis=0), factor, axis=1)
    fitted = enlarged[: pixels.shape[0], : pixels.shape[1]]
    return blur(fitted, factor / 2) if factor > 1 else fitted


def _segment_without_haze(pixels: FloatImage) -> tuple[Labels, float]:
    background, spread = background_level(pixels)
    noise = _NOISE_LEFT_BY_BLUR * max(noise_sd(pixels), _LEAST_CONTRAST / 2)
    signal = np.maximum(ndimage.gaussian_filter(pixels, 1.0) - background, 0)
    bright = signal > _threshold(signal, noise, spread)
    components, number = ndimage.label(bright)
    if not number:
        return np.zeros(pixels.shape, dtype=np.int32), float("nan")
    peaks = np.asarray(
        ndimage.maximum(ndimage.gaussian_filter(signal, 1.0), components, np.arange(number + 1))
    )
    peaks[0] = 0
    diameter = _first_diameter(bright & (signal > 0.4 * peaks[components]))
    labels = np.zeros(pixels.shape, dtype=np.int32)
    for _ in range(3):
        labels = _split(pixels - background, bright, diameter)
        labels, found = _drop_fragments(labels, diameter)
        settled = abs(found - diameter) < 0.03 * diameter
        diameter = found
        if settled:
            break
    return labels, diameter if labels.any() else float("nan")


def _threshold(signal: FloatImage, noise: float, spread: float) -> float:
    """Otsu's threshold on a logarithmic scale, so that a few bright cells do not hide the rest."""
    shift = 3 * max(noise, 0.3 * spread) + 1e-6
    logarithms = np.log(signal + shift)
    floor = max(4 * noise, 2 * spread)
    if float(np.ptp(logarithms)) <= 0:
        return floor
    return max(float(np.exp(otsu_threshold(logarithms))) - shift, floor)


def _first_diameter(bright: NDArray[np.bool_]) -> float:
    depth = ndimage.distance_transform_edt(bright)
    radii = depth[(ndimage.maximum_filter(depth, 5) == depth) & (depth > 0.9)]
    if not len(radii):
        return 6.0
    return float(np.clip(2.2 * _weighted_median(radii, radii**2), 5, max(bright.shape) / 3))


def _split(signal: FloatImage, bright: NDArray[np.bool_], diameter: float) -> Labels:
    """Cut nuclei out at half their height and part those that touch."""
    from skimage.feature import peak_local_max

    smooth = ndimage.gaussian_filter(signal, max(0.6, 0.1 * diameter))
    peak = ndimage.maximum_filter(smooth, size=max(3, int(_PEAK_WINDOW * diameter)))
    nuclei = ndimage.binary_fill_holes(
        bright & (ndimage.gaussian_filter(signal, 1.0) > _HALF_HEIGHT * peak)
    )
    if diameter > 8:
        nuclei = ndimage.binary_opening(nuclei)
    depth = ndimage.distance_transform_edt(nuclei)
    depth = ndimage.gaussian_filter(depth, max(0.5, 0.06 * diameter))
    seeds = peak_local_max(
        np.where(nuclei, depth, 0),
        min_distance=max(1, int(_SEED_DISTANCE * diameter)),
        threshold_abs=1e-3,
        exclude_border=False,
    )
    return watershed_from(seeds, depth, nuclei)


def _drop_fragments(labels: Labels, diameter: float) -> tuple[Labels, float]:
    """Remove parts far smaller than the others; return the rest and its median diameter."""
    areas = np.bincount(labels.ravel())[1:]
    if not areas.any():
        return labels, diameter
    diameters = 2 * np.sqrt(areas / np.pi)
    kept = diameters > _SMALLEST_PART * _weighted_median(diameters, areas)
    numbers = np.zeros(len(areas) + 1, dtype=np.int32)
    numbers[1:][kept] = np.arange(1, np.count_nonzero(kept) + 1)
    return numbers[labels], float(np.median(diameters[kept]))


def _weighted_median(values: NDArray[np.floating], weights: NDArray[np.number]) -> float:
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, summed[-1] / 2)])
