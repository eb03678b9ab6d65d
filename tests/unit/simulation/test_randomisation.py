import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.randomisation import randomised_settings
from adaptoscope.simulation.settings import SimulationSettings


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_every_draw_is_valid_and_can_be_drawn(seed):
    rng = np.random.default_rng(seed)
    drawn = draw_field(randomised_settings(rng, SimulationSettings(height=96, width=80)), rng)
    assert drawn.pixels.shape == (96, 80)
    assert 0 <= drawn.pixels.min() <= drawn.pixels.max() <= 1
    assert drawn.mask.max() == len(drawn.points)


def test_ranges_are_wide_and_the_canvas_is_kept():
    base = SimulationSettings(height=320, width=256, edge_rule="visible")
    rng = np.random.default_rng(0)
    drawn = [randomised_settings(rng, base) for _ in range(200)]
    diameters = [one.cell_diameter_px for one in drawn]
    assert min(diameters) < 10
    assert max(diameters) > 50
    assert {one.edge_rule for one in drawn} == {"visible"}
    assert {(one.height, one.width) for one in drawn} == {(320, 256)}
    assert {one.bit_depth for one in drawn} == {8, 16}
    assert any(one.cells_per_mpx == 0 for one in drawn)
