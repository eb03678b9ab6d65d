import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from adaptoscope.counting.density import density_of_centres
from adaptoscope.counting.peaks import peaks_of_density

SIDE, STRIDE = 32, 2


def test_a_cell_is_drawn_as_a_normal_density_at_its_place():
    density = density_of_centres(torch.tensor([[[20.0, 31.0]]]), SIDE, STRIDE)[0, 0].numpy()

    # Place k shows pixels 2 k and 2 k + 1, so its middle lies at pixel 2 k + 0.5.
    middles = 2 * np.arange(SIDE) + 0.5
    expected = np.outer(norm.pdf((middles - 20) / 2), norm.pdf((middles - 31) / 2))
    np.testing.assert_allclose(density, expected, atol=1e-6)


@given(st.lists(st.tuples(st.floats(12, 52), st.floats(12, 52)), max_size=8))
def test_a_density_sums_to_the_number_of_cells(points):
    centres = torch.tensor(points).reshape(1, -1, 2)

    assert float(density_of_centres(centres, SIDE, STRIDE).sum()) == pytest.approx(
        len(points), abs=1e-3
    )


def test_a_cell_at_the_border_leaves_half_inside_and_half_in_its_mirror_image():
    left = density_of_centres(torch.tensor([[[30.0, -0.5]]]), SIDE, STRIDE)

    assert float(left.sum()) == pytest.approx(0.5, abs=1e-3)


def test_far_cells_leave_nothing():
    assert float(density_of_centres(torch.full((1, 3, 2), -1e6), SIDE, STRIDE).sum()) == 0.0


@given(st.floats(10, 50), st.floats(10, 50))
def test_the_peak_of_a_cell_is_found_to_a_tenth_of_a_pixel(row, column):
    density = density_of_centres(torch.tensor([[[row, column]]]), SIDE, STRIDE)[0, 0].numpy()

    found, _ = peaks_of_density(density, STRIDE, 0.3)

    assert found.shape == (1, 2)
    np.testing.assert_allclose(found, [[row, column]], atol=0.1)


def test_low_peaks_and_empty_densities_hold_no_cells():
    density = density_of_centres(torch.tensor([[[20.0, 30.0]]]), SIDE, STRIDE)[0, 0].numpy()

    assert peaks_of_density(0.2 * density, STRIDE, 0.3)[0].shape == (0, 2)
    assert peaks_of_density(np.zeros((SIDE, SIDE), np.float32), STRIDE, 0.3)[0].shape == (0, 2)


def test_neighbours_four_places_apart_are_two_cells():
    centres = torch.tensor([[[20.0, 20.0], [20.0, 28.0]]])

    density = density_of_centres(centres, SIDE, STRIDE)[0, 0].numpy()

    assert len(peaks_of_density(density, STRIDE, 0.3)[0]) == 2
