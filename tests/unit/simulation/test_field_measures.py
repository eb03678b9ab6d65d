import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.simulation.field_measures import measure_fields
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings

SPARSE = SimulationSettings(
    height=160, width=160, cells_per_mpx=600.0, density_spread=0.0, debris_per_mpx=0.0
)


def field(seed: int) -> np.ndarray:
    return draw_field(SPARSE, np.random.default_rng(seed)).pixels


def test_density_is_a_mean_over_all_images_and_the_rest_a_median_over_those_with_nuclei() -> None:
    pictures = [field(0), field(1), field(2)]
    empty = np.full((160, 160), 0.1, np.float32)
    without, with_empty = measure_fields(pictures, 8), measure_fields([*pictures, empty], 8)
    assert (without.images, with_empty.images) == (3, 4)
    assert with_empty.cells_per_mpx == pytest.approx(0.75 * without.cells_per_mpx)
    assert with_empty.diameter == without.diameter
    assert without.diameter == pytest.approx(SPARSE.cell_diameter_px, rel=0.3)


def test_intensities_are_in_stored_counts() -> None:
    eight, sixteen = (measure_fields([field(0)], bits) for bits in (8, 16))
    assert sixteen.background == pytest.approx(257 * eight.background)
    assert sixteen.contrast == pytest.approx(257 * eight.contrast)
    assert sixteen.noise_variance == pytest.approx(257**2 * eight.noise_variance)


def test_fields_without_nuclei_are_refused() -> None:
    with pytest.raises(InputError, match="No nucleus"):
        measure_fields([np.full((64, 64), 0.1, np.float32)], 8)
