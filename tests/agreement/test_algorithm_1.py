"""The generator equals Algorithm 1 read literally, seed for seed and pixel for pixel."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.synthesis.generate import draw_synthetic
from adaptoscope.synthesis.settings import SynthesisSettings

PLAIN = Path(__file__).parents[2] / "benchmarks" / "algorithm_1_plain.py"


@pytest.fixture(scope="module")
def algorithm_1_plain():
    specification = importlib.util.spec_from_file_location("algorithm_1_plain", PLAIN)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.algorithm_1_plain


# Canvases are small, since the plain program touches every pixel at every attempt.
SMALL = SynthesisSettings(height=80, width=96, count_mean=20, count_sd=15)
VARIANTS = {
    "paper": SMALL,
    "crowded": SMALL.changed(count_mean=60.0, attempts_per_cell=12),
    "clip": SMALL.changed(outside="clip", cluster_spread=(0.3, 0.6)),
    "resample": SMALL.changed(count_rule="resample", count_limit=25),
    "loose": SMALL.changed(largest_overlap=0.6, semi_axis_range=(0.2, 0.9)),
    "tiny": SMALL.changed(cell_diameter_px=3.0, count_mean=50.0),
    "deep": SMALL.changed(bit_depth=16, intensity_range=(500.0, 4000.0)),
    "measured": SMALL.changed(
        cells_per_mpx_quantiles=(0.0, 2000.0, 5000.0), semi_axis_quantiles=(0.3, 0.45, 0.5, 0.9)
    ),
    "full size": SynthesisSettings(count_mean=60.0, count_sd=10.0),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_equal_to_the_plain_algorithm(name, algorithm_1_plain):
    settings = VARIANTS[name]
    for seed in range(2 if name == "full size" else 6):
        ours = draw_synthetic(settings, np.random.default_rng([seed, 1]))
        plain = algorithm_1_plain(settings, np.random.default_rng([seed, 1]))
        assert np.array_equal(ours.stored, plain["image"])
        assert ours.stored.dtype == plain["image"].dtype
        assert np.array_equal(ours.points, plain["points"])
        assert np.array_equal(ours.mask, plain["mask"])
        assert np.array_equal(ours.dots(), plain["dots"])
        assert np.array_equal(ours.cluster_centres, plain["clusters"])
