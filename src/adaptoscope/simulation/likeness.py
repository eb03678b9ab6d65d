"""Settings for the simulation that follow a set of real images, measured without labels.

Only sizes, densities, levels, noise and blur are taken over, never pixels. What is measured on an
image is not what was put into it: haze, overlap and the detector itself come between. So the same
is measured on simulated fields, and the settings are corrected until both agree (the method of
simulated moments). Where the set is divided, only its training images are measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.imitation import common_pixel_size, images_to_imitate
from adaptoscope.errors import InputError
from adaptoscope.images.degradation import FloatImage
from adaptoscope.images.edges import edge_sharpness, width_of_sharpness
from adaptoscope.images.measurement import background_level, segment_nuclei
from adaptoscope.images.noise import measure_noise
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.training.progress import progress

CANVAS = 256
"""Edge of the fields that are simulated to correct the settings, in pixels."""

_NARROWEST_PSF = 0.3
_LARGEST_STEP = 2.0
_NORMAL_QUARTILES = 1.349


@dataclass(frozen=True)
class FieldMeasures:
    """Measures of a set of fields: medians over its images, intensities in stored counts.

    Attributes
    ----------
    images
        Number of images.
    diameter
        Median diameter of the nuclei in pixels.
    cells_per_mpx
        Mean density over images.
    density_spread
        Standard deviation of the logarithm of the density between images, from its quartiles.
    background
        Level between the cells.
    contrast
        Median over the nuclei of their mean brightness above the background.
    contrast_spread
        Standard deviation of the logarithm of the contrast between images, from its quartiles.
    nucleus_spread
        The same between the nuclei of an image.
    edge_width
        Blur of the borders as the standard deviation of a Gaussian, in pixels.
    noise_variance
        Variance of the fine noise at the background's level, rounding included.
    noise_slope
        Variance per count of level: counts per electron of a linear camera.
    """

    images: int
    diameter: float
    cells_per_mpx: float
    density_spread: float
    background: float
    contrast: float
    contrast_spread: float
    nucleus_spread: float
    edge_width: float
    noise_variance: float
    noise_slope: float


@dataclass(frozen=True)
class RealMeasures:
    """What a set of real images tells about itself.

    Attributes
    ----------
    fields
        Measures in stored counts.
    bit_depth
        Bits of the stored files.
    pixel_size_um
        Pixel size in micrometres if all images state the same, else None.
    """

    fields: FieldMeasures
    bit_depth: int
    pixel_size_um: float | None


def measure_real_fields(
    real: CountedImageSet,
    *,
    most_images: int = 24,
    held_out: Iterable[CountedImageSet] = (),
) -> RealMeasures:
    """Measure what the simulation is to follow.

    Parameters
    ----------
    real
        Images of bright nuclei on a dark ground. Labels are not used. Where the set is split, only
        its training images are measured.
    most_images
        At most this many images, evenly over the list, are measured.
    held_out
        Further sets whose validation and test images must not be among the images of `real`.

    Raises
    ------
    LeakageError
        If an image is one that is kept back.
    InputError
        If the set has splits but none is ``train``, bit depths are mixed, or no nucleus is seen
        anywhere.
    """
    images = images_to_imitate(
        real, most_images=most_images, held_out=held_out, purpose="measure a simulation on"
    )
    depth = images[0].scale.bit_depth
    pictures = [image.pixels for image in progress(images, "measure")]
    return RealMeasures(
        fields=measure_fields(pictures, depth),
        bit_depth=depth,
        pixel_size_um=common_pixel_size(image.pixel_size_um for image in images),
    )


def measure_fields(pictures: Iterable[FloatImage], bit_depth: int) -> FieldMeasures:
    """Measure a set of images, real or simulated, in the same way.

    Parameters
    ----------
    pictures
        Shapes (H, W), in [0, 1] of the stored range.
    bit_depth
        Bits of the files.

    Raises
    ------
    InputError
        If no nucleus with a border is seen anywhere.
    """
    rows = np.array([_measure(pixels, 2.0**bit_depth - 1) for pixels in pictures])
    seen = rows[np.isfinite(rows).all(axis=1)]
    if not len(seen):
        raise InputError(
            "No nucleus was seen in the images to imitate.",
            expected="bright nuclei on a dark ground",
            found=f"none in {len(rows)} images",
            remedy="choose another channel, or give the settings yourself",
        )
    diameter, _, background, contrast, spread, width, noise, slope = np.median(seen, axis=0)
    return FieldMeasures(
        images=len(rows),
        diameter=float(diameter),
        cells_per_mpx=float(rows[:, 1].mean()),
        density_spread=_log_spread(seen[:, 1]),
        background=float(background),
        contrast=float(contrast),
        contrast_spread=_log_spread(seen[:, 3]),
        nucleus_spread=float(spread),
        edge_width=float(width),
        noise_variance=float(noise),
        noise_slope=float(slope),
    )


def simulation_like(
    real: RealMeasures,
    base: SimulationSettings | None = None,
    *,
    rounds: int = 5,
    fields: int = 6,
    seed: int = 0,
) -> SimulationSettings:
    """Turn measures into settings of the simulation.

    Parameters
    ----------
    real
        From `measure_real_fields`.
    base
        Settings that give all that is not measured, the canvas among it; the defaults if not given.
    rounds
        How often simulated fields are measured and the settings corrected.
    fields
        Fields per round.
    seed
        Seed of these fields, the same in every round.

    Returns
    -------
    SimulationSettings
        Brightness varies between cultures as it does between real images: simulate as many
        cultures as fields to have that variation in full.
    """
    settings = _first_settings(real, base or SimulationSettings())
    for turn in progress(range(rounds), "match the simulation", rounds):
        trial = settings.changed(height=CANVAS, width=CANVAS, density_spread=0.0)
        drawn = [draw_field(trial, np.random.default_rng([seed, i])).pixels for i in range(fields)]
        found = measure_fields(drawn, real.bit_depth)
        settings = _corrected(settings, real.fields, found, share=min(1.0, 2 / (turn + 1)))
    return settings


def _measure(pixels: FloatImage, largest: float) -> tuple[float, ...]:
    """Return what `measure_fields` gathers of one image; NaN where no nucleus is seen."""
    labels, diameter = segment_nuclei(pixels)
    background = background_level(pixels)[0]
    noise = measure_noise(pixels)
    number = int(labels.max())
    sharpness = edge_sharpness(pixels, labels)
    contrast = spread = width = float("nan")
    if number and len(sharpness):
        sums = np.bincount(labels.ravel(), weights=pixels.ravel())[1:]
        above = sums / np.bincount(labels.ravel())[1:] - background
        contrast, spread = float(np.median(above)), _log_spread(above)
        width = width_of_sharpness(float(np.median(sharpness)))
    return (
        diameter,
        number / pixels.size * 1e6,
        background * largest,
        contrast * largest,
        spread,
        width,
        float(noise.variance(np.array([background], np.float32))[0]) * largest**2,
        noise.slope * largest,
    )


def _first_settings(real: RealMeasures, base: SimulationSettings) -> SimulationSettings:
    seen = real.fields
    gain = _gain(seen)
    offset = min(base.offset_counts, 0.5 * seen.background)
    light = max(seen.background - offset, 0.0) / gain
    return base.changed(
        cell_diameter_px=float(np.clip(seen.diameter, 3, min(base.height, base.width, 400))),
        cells_per_mpx=seen.cells_per_mpx,
        culture_spread=min(seen.contrast_spread, 1.0),
        density_spread=_root(seen.density_spread**2 - seen.contrast_spread**2, 0.0, 2.0),
        brightness_spread=min(seen.nucleus_spread, 1.2),
        psf_sigma_px=max(seen.edge_width, _NARROWEST_PSF),
        background_electrons=light,
        nucleus_electrons=max(seen.contrast, 0.1) / gain,
        read_noise_electrons=_read_noise(seen.noise_variance, gain, light),
        row_noise_electrons=0.0,
        counts_per_electron=gain,
        offset_counts=offset,
        camera_bits=real.bit_depth,
        pixel_size_um=real.pixel_size_um,
    )


def _corrected(
    settings: SimulationSettings, real: FieldMeasures, simulated: FieldMeasures, share: float
) -> SimulationSettings:
    """Move every setting by a share of what its measure lacks, never by more than twofold."""

    def factor(wanted: float, found: float) -> float:
        ratio = np.clip(wanted / max(found, 1e-9), 1 / _LARGEST_STEP, _LARGEST_STEP)
        return float(ratio**share)

    gain = settings.counts_per_electron
    light = share * (real.background - simulated.background) / gain
    read = share * (real.noise_variance - simulated.noise_variance) / gain**2
    wide = share * (real.edge_width**2 - simulated.edge_width**2)
    varied = share * (real.nucleus_spread**2 - simulated.nucleus_spread**2)
    diameter = settings.cell_diameter_px * factor(real.diameter, simulated.diameter)
    crowd, glow = settings.cells_per_mpx, settings.nucleus_electrons
    return settings.changed(
        cell_diameter_px=float(np.clip(diameter, 3, min(settings.height, settings.width, 400))),
        cells_per_mpx=crowd * factor(real.cells_per_mpx, simulated.cells_per_mpx),
        brightness_spread=_root(settings.brightness_spread**2 + varied, 0.0, 1.2),
        psf_sigma_px=_root(settings.psf_sigma_px**2 + wide, _NARROWEST_PSF, 30.0),
        background_electrons=max(settings.background_electrons + light, 0.0),
        nucleus_electrons=glow * factor(real.contrast, simulated.contrast),
        read_noise_electrons=_root(settings.read_noise_electrons**2 + read, 0.0, np.inf),
    )


def _gain(seen: FieldMeasures) -> float:
    """Return counts per electron: the noise's slope, else as if all noise were photons."""
    if seen.noise_slope > 0:
        return seen.noise_slope
    return max(seen.noise_variance, 1e-3) / max(seen.background, 1.0)


def _read_noise(variance: float, gain: float, light: float) -> float:
    """Electrons of read-out noise that remain once photons and rounding are taken off."""
    return _root((variance - 1 / 12) / gain**2 - light, 0.0, np.inf)


def _root(square: float, least: float, most: float) -> float:
    return float(np.clip(np.sqrt(max(square, 0.0)), least, most))


def _log_spread(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of logarithms of positive values, from their quartiles."""
    positive = values[values > 0]
    if len(positive) < 2:
        return 0.0
    lower, upper = np.quantile(np.log(positive), [0.25, 0.75])
    return float((upper - lower) / _NORMAL_QUARTILES)
