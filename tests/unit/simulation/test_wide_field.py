import numpy as np
import pytest

from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.wide_field import expected_electrons, record

PLAIN = SimulationSettings(
    height=64,
    width=64,
    vignette=0,
    tilt=0,
    background_variation=0,
    cytoplasm=0,
    halo_weight=0,
    hot_pixels_per_mpx=0,
    row_noise_electrons=0,
)


def test_no_light_gives_the_background():
    dark = np.zeros((64, 64), dtype=np.float32)
    electrons = expected_electrons(dark, PLAIN, np.random.default_rng(0))
    assert electrons == pytest.approx(PLAIN.background_electrons, rel=1e-4)


def test_stain_brightness_scales_the_signal_only():
    light = np.ones((64, 64), dtype=np.float32)
    electrons = expected_electrons(light, PLAIN, np.random.default_rng(0), brightness_factor=2)
    expected = 2 * PLAIN.nucleus_electrons + PLAIN.background_electrons
    assert electrons == pytest.approx(expected, rel=1e-3)


def test_cytoplasm_and_halo_brighten_the_surroundings():
    light = np.zeros((64, 64), dtype=np.float32)
    light[28:36, 28:36] = 1
    clean = expected_electrons(light, PLAIN, np.random.default_rng(0))
    hazy_settings = PLAIN.changed(cytoplasm=0.3, halo_weight=0.3)
    hazy = expected_electrons(light, hazy_settings, np.random.default_rng(0))
    assert hazy[20, 32] > clean[20, 32] + 1


def test_counts_follow_gain_offset_and_ceiling():
    electrons = np.full((64, 64), 400.0, dtype=np.float32)
    settings = PLAIN.changed(counts_per_electron=0.1, offset_counts=5)
    assert record(electrons, settings, np.random.default_rng(0)).mean() == pytest.approx(45, abs=1)
    bright = record(1e3 * electrons, settings, np.random.default_rng(0))
    assert np.all(bright == settings.largest_count)


def test_hot_pixels_stand_out():
    electrons = np.zeros((64, 64), dtype=np.float32)
    settings = PLAIN.changed(hot_pixels_per_mpx=5000, read_noise_electrons=0)
    counts = record(electrons, settings, np.random.default_rng(0))
    assert 3 <= np.count_nonzero(counts > 4) <= 40
