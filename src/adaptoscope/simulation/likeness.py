"""Settings for the simulation that follow a set of real images, measured without labels.

Only sizes, densities, levels, noise and blur are taken over, never pixels. What is measured on an
image is not what was put into it: haze, overlap and the detector itself come between. So the same
is measured on simulated fields, and the settings are corrected until both agree (the method of
simulated moments). Where the set is divided, only its training images are measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.imitation import common_pixel_size, images_to_imitate
from adaptoscope.errors import InputError
from adaptoscope.simulation.field_measures import FieldMeasures, measure_fields
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.training.progress import progress

SMALLEST_CANVAS, LARGEST_CANVAS = 256, 1024
"""Bounds of the edge of the fields that are simulated to correct the settings, in pixels."""

# Bounds of what is measured on real images, wider than any microscope's, so that a failed
# measurement cannot ask for an absurd field.
_CANVAS_DIAMETERS = 8.0
_SMALLEST_DIAMETER, _LARGEST_DIAMETER = 3.0, 400.0

# Pixels: hardly any blur, and the limit of the setting.
_NARROWEST_PSF, _WIDEST_PSF = 0.3, 30.0
# Of one round, so that a measure that failed once does not run away.
_LARGEST_STEP = 2.0


@dataclass(frozen=True)
class RealMeasures:
    """What a set of real images tells about itself; the pixel size only if all state the same."""

    fields: FieldMeasures
    bit_depth: int
    pixel_size_um: float | None


def measure_real_fields(
    real: CountedImageSet,
    *,
    most_images: int = 24,
    held_out: Iterable[CountedImageSet] = (),
) -> RealMeasures:
    """Measure what the simulation is to follow, on at most `most_images` evenly over the list.

    Labels are not used. Of a set with splits only training images are measured; none of them may be
    among the validation and test images of `real` and `held_out`.
    """
    images = images_to_imitate(
        real, most_images=most_images, held_out=held_out, purpose="measure a simulation on"
    )
    depth = images[0].scale.bit_depth
    pictures = [image.pixels for image in progress(images, "measure", unit="image")]
    return RealMeasures(
        fields=measure_fields(pictures, depth),
        bit_depth=depth,
        pixel_size_um=common_pixel_size(image.pixel_size_um for image in images),
    )


def simulation_like(
    real: RealMeasures,
    base: SimulationSettings | None = None,
    *,
    rounds: int = 5,
    fields: int = 6,
    seed: int = 0,
) -> SimulationSettings:
    """Turn measures into settings of the simulation, in rounds of some simulated fields each.

    What is not measured, the canvas among it, is taken from `base`. Brightness varies between
    cultures as it does between real images: simulate as many cultures as fields to have that
    variation in full. Nuclei larger than the canvas of `base` or than a trial field are made as
    large as fits.
    """
    base = base or SimulationSettings()
    side = _trial_side(real.fields.diameter)
    largest = min(base.height, base.width, side, _LARGEST_DIAMETER)
    settings = _first_settings(real, base, largest)
    for turn in progress(range(rounds), "match the simulation", rounds, unit="round"):
        trial = settings.changed(height=side, width=side, density_spread=0.0)
        found = _measure_trial(trial, real.bit_depth, fields, seed)
        share = min(1.0, 2 / (turn + 1))
        settings = _corrected(settings, real.fields, found, share, largest)
    return settings


def _trial_side(diameter: float) -> int:
    """Edge of the trial fields: wide enough that haze is told from nuclei, and holds several."""
    return round(float(np.clip(_CANVAS_DIAMETERS * diameter, SMALLEST_CANVAS, LARGEST_CANVAS)))


def _measure_trial(
    trial: SimulationSettings, bit_depth: int, fields: int, seed: int
) -> FieldMeasures:
    """Simulate fields and measure them; say so where the simulation, not the set, shows nothing."""
    drawn = [draw_field(trial, np.random.default_rng([seed, i])).pixels for i in range(fields)]
    try:
        return measure_fields(drawn, bit_depth)
    except InputError as error:
        raise InputError(
            "The simulation that is to follow the real images shows no nucleus.",
            expected="nuclei that are seen in simulated fields as they are in the real ones",
            found=f"none in {fields} fields of {trial.width} x {trial.height} pixels, with "
            f"{trial.cells_per_mpx:.3g} nuclei of {trial.cell_diameter_px:.3g} px per million "
            "pixels",
            remedy="give images with more or brighter nuclei, a larger height and width, or the "
            "settings yourself without --like",
        ) from error


def _first_settings(
    real: RealMeasures, base: SimulationSettings, largest: float
) -> SimulationSettings:
    seen = real.fields
    gain = _gain(seen)
    offset = min(base.offset_counts, 0.5 * seen.background)
    light = max(seen.background - offset, 0.0) / gain
    return base.changed(
        cell_diameter_px=float(np.clip(seen.diameter, _SMALLEST_DIAMETER, largest)),
        cells_per_mpx=seen.cells_per_mpx,
        culture_spread=min(seen.contrast_spread, 1.0),
        density_spread=_root(seen.density_spread**2 - seen.contrast_spread**2, 0.0, 2.0),
        brightness_spread=min(seen.nucleus_spread, 1.2),
        psf_sigma_px=float(np.clip(seen.edge_width, _NARROWEST_PSF, _WIDEST_PSF)),
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
    settings: SimulationSettings,
    real: FieldMeasures,
    simulated: FieldMeasures,
    share: float,
    largest: float,
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
        cell_diameter_px=float(np.clip(diameter, _SMALLEST_DIAMETER, largest)),
        cells_per_mpx=crowd * factor(real.cells_per_mpx, simulated.cells_per_mpx),
        brightness_spread=_root(settings.brightness_spread**2 + varied, 0.0, 1.2),
        psf_sigma_px=_root(settings.psf_sigma_px**2 + wide, _NARROWEST_PSF, _WIDEST_PSF),
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
