import numpy as np
import pytest

from adaptoscope.counting.heads.table import bundled_counters, fitted_heads
from adaptoscope.counting.model_folder import load_counter

RECIPES = ("imagej_particles", "voronoi_otsu")
PLACES = [(30, 30), (30, 90), (34, 150), (90, 40), (95, 56), (120, 130)]


@pytest.fixture
def field():
    rows, columns = np.mgrid[:160, :200]
    pixels = np.random.default_rng(0).normal(0.1, 0.005, (160, 200)) + 0.1 * columns / 200
    for row, column in PLACES:
        away = np.hypot(rows - row, columns - column)
        pixels += 0.6 * np.sqrt((1 - (away / 9) ** 2).clip(0))
    return pixels.clip(0, 1).astype(np.float32)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_finds_cells_touching_ones_too_on_a_slope_of_light(name, field):
    found = load_counter(name).counter.count(field)

    assert found.count == len(PLACES)
    assert found.diameter_px is not None
    away = np.linalg.norm(found.points[:, None] - np.array(PLACES, float)[None], axis=2)
    assert (away.min(axis=0) < 3).all()


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_nothing_is_found_where_nothing_is(name, value):
    found = load_counter(name).counter.count(np.full((80, 90), value, np.float32))

    assert (found.count, len(found.points)) == (0, 0)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_used_as_it_stands(name):
    assert name in bundled_counters()
    assert name not in fitted_heads()


def test_particles_are_smaller_than_their_limit_in_no_case(field):
    field[5:8, 5:8] = 0.9

    assert load_counter("imagej_particles").counter.count(field).count == len(PLACES)
