import numpy as np
import pytest

from adaptoscope.simulation.layout import place_nuclei
from adaptoscope.simulation.settings import SimulationSettings

SETTINGS = SimulationSettings(density_spread=0.0, clustered_fraction=0.0)


def test_density_is_kept_on_average():
    counts = [len(place_nuclei(SETTINGS, np.random.default_rng(seed))) for seed in range(20)]
    margin = 0.75 * SETTINGS.cell_diameter_px
    expected = SETTINGS.cells_per_mpx * 1e-6 * (256 + 2 * margin) ** 2
    assert np.mean(counts) == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("clustered", [0.0, 0.9])
def test_nuclei_keep_their_distance(clustered):
    settings = SETTINGS.changed(clustered_fraction=clustered, closeness=0.9)
    table = place_nuclei(settings, np.random.default_rng(1))
    radii = np.sqrt(table.semi_axes.prod(axis=1))
    distance = np.hypot(*(table.centres[:, None] - table.centres[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    assert np.all(distance >= 0.89 * (radii[:, None] + radii[None]))


def test_clustering_brings_neighbours_closer():
    def nearest(fraction):
        settings = SETTINGS.changed(clustered_fraction=fraction, cells_per_mpx=400)
        centres = place_nuclei(settings, np.random.default_rng(2)).centres
        distance = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
        np.fill_diagonal(distance, np.inf)
        return np.median(distance.min(axis=1))

    assert nearest(0.95) < 0.8 * nearest(0.0)


def test_density_factor_and_empty_fields():
    assert len(place_nuclei(SETTINGS.changed(cells_per_mpx=0), np.random.default_rng(0))) == 0
    few = place_nuclei(SETTINGS, np.random.default_rng(0), density_factor=0.2)
    many = place_nuclei(SETTINGS, np.random.default_rng(0), density_factor=2.0)
    assert len(few) < len(many)


def test_crowding_ends():
    settings = SETTINGS.changed(cells_per_mpx=1e6, height=64, width=64)
    assert 0 < len(place_nuclei(settings, np.random.default_rng(0))) < 80
