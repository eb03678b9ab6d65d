import numpy as np
import pytest

from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings

SETTINGS = SimulationSettings(height=96, width=112)


def test_equal_seeds_give_equal_fields():
    first = draw_field(SETTINGS, np.random.default_rng([7, 3]))
    second = draw_field(SETTINGS, np.random.default_rng([7, 3]))
    other = draw_field(SETTINGS, np.random.default_rng([7, 4]))
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.points, second.points)
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize(("bits", "full"), [(8, 255), (12, 65535)])
def test_pixels_are_whole_counts_of_the_stored_range(bits, full):
    drawn = draw_field(SETTINGS.changed(camera_bits=bits), np.random.default_rng(0))
    counts = drawn.pixels.astype(np.float64) * full
    assert drawn.pixels.dtype == np.float32
    assert np.abs(counts - counts.round()).max() < 0.01
    assert counts.max() <= 2**bits - 1


def test_nuclei_are_brighter_than_the_background():
    drawn = draw_field(SETTINGS, np.random.default_rng(0))
    assert drawn.electrons[drawn.mask > 0].mean() > 1.5 * np.median(drawn.electrons)
    assert len(drawn.points) == drawn.mask.max() > 0
