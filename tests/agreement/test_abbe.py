"""Few source points in single precision agree with a dense condenser in double precision."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.simulation.transmitted.optics import image_intensity, transmission
from adaptoscope.simulation.transmitted.settings import MODALITIES, TransmittedSettings
from adaptoscope.simulation.transmitted.specimen import draw_spread_cells

PLAIN = Path(__file__).parents[2] / "benchmarks" / "abbe_plain.py"
SETTINGS = TransmittedSettings(height=144, width=128)
PIXEL = SETTINGS.pixel_size_um


@pytest.fixture(scope="module")
def abbe_plain():
    specification = importlib.util.spec_from_file_location("abbe_plain", PLAIN)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.abbe_plain


@pytest.fixture(scope="module")
def wave():
    specimen = draw_spread_cells(SETTINGS, np.random.default_rng(1))
    assert len(specimen.points) > 1
    return transmission(specimen.opd_um, specimen.absorption, SETTINGS.optics.wavelength_um)


def deviation(ours: np.ndarray, plain: np.ndarray) -> float:
    return float(np.sqrt(np.mean((ours - plain) ** 2)) / plain.std())


@pytest.mark.parametrize("modality", ["brightfield", "defocused"])
def test_a_parallel_beam_is_imaged_alike(abbe_plain, wave, modality):
    optics = SETTINGS.optics.changed(condenser_na=0.0, source_points=2)
    plain = abbe_plain(wave, modality, optics, PIXEL, across=1)
    ours = image_intensity(wave, modality, optics, PIXEL)
    np.testing.assert_allclose(ours, plain, atol=2e-5)


@pytest.mark.parametrize(("modality", "few", "many"), [
    ("phase", 0.2, 0.08), ("brightfield", 0.2, 0.06), ("defocused", 0.1, 0.04),
])  # fmt: skip
def test_source_points_approach_the_whole_condenser(abbe_plain, wave, modality, few, many):
    plain = abbe_plain(wave, modality, SETTINGS.optics, PIXEL, 41 if modality == "phase" else 19)
    dense = SETTINGS.optics.changed(source_points=120)
    assert deviation(image_intensity(wave, modality, dense, PIXEL), plain) < many
    assert deviation(image_intensity(wave, modality, SETTINGS.optics, PIXEL), plain) < few


def test_every_modality_is_compared():
    assert set(MODALITIES) == {"phase", "brightfield", "defocused"}
