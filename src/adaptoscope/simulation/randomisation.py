"""Domain randomisation: another specimen and another microscope for every image."""

import math

import numpy as np

from adaptoscope.simulation.settings import SimulationSettings

# By eye, meant to be wider than what any culture and magnification show.
DIAMETER_RANGE_PX = (8.0, 60.0)
COVERAGE_RANGE = (0.004, 0.45)
# Fields without a cell have to be met in training, and others to hold some.
EMPTY_SHARE = 0.03
FEWEST_EXPECTED = 2.0


def randomised_settings(
    rng: np.random.Generator, base: SimulationSettings | None = None
) -> SimulationSettings:
    """Draw a specimen and a microscope from wide ranges.

    Canvas, edge rule and pixel size are kept from `base`; all else is drawn, so that a network
    trained on such images meets every new microscope as one more draw.
    """
    base = base or SimulationSettings()
    largest = min(DIAMETER_RANGE_PX[1], min(base.height, base.width) / 3)
    smallest = min(DIAMETER_RANGE_PX[0], largest)
    diameter = _log_uniform(rng, smallest, largest)
    values = base.model_dump()
    values |= {"cell_diameter_px": diameter, "culture_spread": 0.0, "density_spread": 0.0}
    values |= _random_crowd(rng, diameter, base.height * base.width)
    values |= _random_nuclei(rng)
    values |= _random_optics(rng, diameter)
    values |= _random_camera(rng)
    return SimulationSettings.model_validate(values)


def _random_crowd(rng: np.random.Generator, diameter: float, area: float) -> dict[str, float]:
    cell_area = math.pi / 4 * diameter**2
    sparsest = min(max(COVERAGE_RANGE[0], FEWEST_EXPECTED * cell_area / area), COVERAGE_RANGE[1])
    coverage = _log_uniform(rng, sparsest, COVERAGE_RANGE[1])
    empty = rng.random() < EMPTY_SHARE
    return {
        "cells_per_mpx": 0.0 if empty else 1e6 * coverage / cell_area,
        "clustered_fraction": rng.uniform(0, 0.9),
        "closeness": rng.uniform(0.68, 1.1),
        "diameter_spread": rng.uniform(0.05, 0.3),
        "mitotic_fraction": rng.choice([0.0, 0.03, 0.12]),
        "debris_per_mpx": rng.choice([0.0, _log_uniform(rng, 10, 800)], p=[0.4, 0.6]),
    }


def _random_nuclei(rng: np.random.Generator) -> dict[str, float]:
    return {
        "smallest_aspect": rng.uniform(0.4, 0.85),
        "irregularity": rng.uniform(0.0, 0.14),
        "flatness": rng.uniform(0.15, 0.7),
        "rim": rng.choice([0.0, rng.uniform(-0.2, 0.8)], p=[0.6, 0.4]),
        "brightness_spread": rng.uniform(0.05, 0.6),
        "texture_strength": rng.uniform(0.0, 0.35),
        "texture_scale": rng.uniform(0.03, 0.15),
        "nucleoli": rng.uniform(0.0, 4.0),
        "nucleolus_depth": rng.uniform(0.0, 0.6),
        "cytoplasm": rng.choice([0.0, _log_uniform(rng, 0.02, 0.4)], p=[0.3, 0.7]),
    }


def _random_optics(rng: np.random.Generator, diameter: float) -> dict[str, float]:
    return {
        "defocus_fraction": rng.choice([0.0, rng.uniform(0, 0.8)], p=[0.3, 0.7]),
        "defocus_px": diameter * rng.uniform(0.05, 0.35),
        "psf_sigma_px": max(0.4, diameter * _log_uniform(rng, 0.02, 0.14)),
        "halo_weight": rng.uniform(0.0, 0.45),
        "halo_diameters": rng.uniform(0.4, 1.6),
        "background_variation": rng.uniform(0.0, 0.25),
        "vignette": rng.uniform(0.0, 0.5),
        "tilt": rng.uniform(0.0, 0.25),
    }


def _random_camera(rng: np.random.Generator) -> dict[str, float]:
    """Draw light and camera together: signal to noise first, then the place in the range."""
    signal = _log_uniform(rng, 40, 20000)
    background = signal * _log_uniform(rng, 0.01, 1.2)
    noise_floor = signal / _log_uniform(rng, 6, 150)
    bits = int(rng.choice([8, 12, 16], p=[0.6, 0.25, 0.15]))
    largest = 2**bits - 1
    darkest = 20 if bits == 8 else 200
    peak = _log_uniform(rng, darkest, 1.3 * largest)
    gain = peak / (signal + background)
    return {
        "nucleus_electrons": signal,
        "background_electrons": background,
        "read_noise_electrons": noise_floor,
        "row_noise_electrons": noise_floor * rng.choice([0.0, rng.uniform(0, 0.5)]),
        "hot_pixels_per_mpx": rng.choice([0.0, _log_uniform(rng, 10, 300)]),
        "counts_per_electron": gain,
        "offset_counts": peak * rng.uniform(0.0, 0.15),
        "camera_bits": bits,
    }


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
