import numpy as np
import pytest

from adaptoscope.simulation.layout import NucleusTable, place_nuclei
from adaptoscope.simulation.nuclei import add_debris, draw_specimen
from adaptoscope.simulation.settings import SimulationSettings

SETTINGS = SimulationSettings(height=96, width=96)


def one_nucleus(row: float, column: float, diameter: float = 20.0) -> NucleusTable:
    return NucleusTable(
        centres=np.array([[row, column]]),
        semi_axes=np.full((1, 2), diameter / 2),
        angles=np.zeros(1),
        brightness=np.ones(1),
        mitotic=np.zeros(1, dtype=bool),
        defocus=np.zeros(1),
    )


def test_a_round_nucleus_has_the_area_and_place_asked_for():
    settings = SETTINGS.changed(irregularity=0.0)
    specimen = draw_specimen(settings, one_nucleus(40.3, 50.8), np.random.default_rng(0))
    assert (specimen.mask > 0).sum() == pytest.approx(np.pi * 100, rel=0.05)
    assert specimen.points.tolist() == [[40.3, 50.8]]
    centroid = np.argwhere(specimen.mask == 1).mean(axis=0)
    assert centroid == pytest.approx([40.3, 50.8], abs=0.3)


def test_defocus_spreads_light_but_keeps_it():
    table = one_nucleus(48, 48)
    blurred = NucleusTable(**{**vars(table), "defocus": np.array([3.0])})
    sharp = draw_specimen(SETTINGS, table, np.random.default_rng(0)).light
    soft = draw_specimen(SETTINGS, blurred, np.random.default_rng(0)).light
    assert soft.max() < sharp.max()
    assert soft.sum() == pytest.approx(sharp.sum(), rel=0.25)


@pytest.mark.parametrize(("rule", "labelled"), [("centre", 0), ("visible", 1)])
def test_edge_rules(rule, labelled):
    settings = SETTINGS.changed(edge_rule=rule)
    specimen = draw_specimen(settings, one_nucleus(-2.0, 40.0), np.random.default_rng(0))
    assert specimen.light.max() > 0
    assert len(specimen.points) == labelled
    assert specimen.mask.max() == labelled
    assert np.all(specimen.points >= 0)


def test_every_point_has_a_label_at_its_place():
    rng = np.random.default_rng(4)
    settings = SETTINGS.changed(height=256, width=256, irregularity=0.0)
    specimen = draw_specimen(settings, place_nuclei(settings, rng), rng)
    numbers = np.arange(1, len(specimen.points) + 1)
    assert np.array_equal(np.unique(specimen.mask), np.r_[0, numbers])
    rows, columns = np.rint(specimen.points).astype(int).clip(0, 255).T
    assert np.mean(specimen.mask[rows, columns] == numbers) > 0.95


def test_debris_adds_light_without_labels():
    dark = np.zeros((96, 96), dtype=np.float32)
    settings = SETTINGS.changed(debris_per_mpx=2000)
    littered = add_debris(dark, settings, np.random.default_rng(0))
    assert littered.max() > 0
    assert dark.max() == 0
    clean = add_debris(dark, SETTINGS.changed(debris_per_mpx=0), np.random.default_rng(0))
    assert clean.max() == 0
