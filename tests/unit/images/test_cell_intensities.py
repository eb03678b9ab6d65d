import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.images.cell_intensities import cell_intensities


def field(shape=(40, 40), ground=100.0):
    return np.full(shape, ground)


def test_a_hand_worked_cell():
    # Diameter 2: the disc of radius 1 is a plus of five pixels, four of 200 and one of 300;
    # their mean, 220, stands 120 above the ring of 100.
    plane = field()
    plane[20, 20] = 300
    for row, column in ((19, 20), (21, 20), (20, 19), (20, 21)):
        plane[row, column] = 200
    found = cell_intensities(plane, np.array([[20.0, 20.0]]), 2.0)
    assert found.mean[0] == pytest.approx((300 + 4 * 200) / 5 - 100)
    # Radii 1.5 to 3: of the 29 pixels within 3, 9 are nearer than 1.5.
    assert found.ring_px[0] == 3.0


def test_a_neighbour_is_no_background():
    plane = field()
    rows, columns = np.mgrid[:40, :40]
    centres = np.array([[20.0, 15.0], [20.0, 24.0]])
    for (row, column), value in zip(centres, (50, 5000), strict=True):
        plane[np.hypot(rows - row, columns - column) <= 4] += value
    found = cell_intensities(plane, centres, 8.0)
    assert found.mean == pytest.approx([50, 5000])


def test_cells_without_free_ground_are_left_empty():
    rows, columns = np.mgrid[:12:2, :12:2]
    crowded = np.stack([rows.ravel(), columns.ravel()], 1).astype(float)
    found = cell_intensities(field((12, 12)), crowded, 6.0)
    assert np.isnan(found.mean).all()
    assert np.isnan(found.ring_px).all()


def test_no_cells_and_cells_on_the_border():
    assert len(cell_intensities(field(), np.zeros((0, 2)), 8.0).mean) == 0
    corner = cell_intensities(field(), np.array([[-0.5, 39.49]]), 8.0)
    assert corner.mean == pytest.approx([0])


@given(
    seed=st.integers(0, 1000),
    gain=st.floats(0.1, 50),
    offset=st.floats(-500, 500),
    diameter=st.floats(2, 12),
)
def test_the_ground_is_taken_off_and_gain_scales(seed, gain, offset, diameter):
    generator = np.random.default_rng(seed)
    plane = generator.normal(100, 5, (48, 48))
    points = generator.uniform(0, 47, (3, 2))
    one = cell_intensities(plane, points, diameter)
    other = cell_intensities(gain * plane + offset, points, diameter)
    np.testing.assert_allclose(other.mean, gain * one.mean, atol=1e-6 * gain, rtol=1e-6)
    np.testing.assert_array_equal(other.ring_px, one.ring_px)


@given(seed=st.integers(0, 1000))
def test_turning_image_and_cells_changes_nothing(seed):
    generator = np.random.default_rng(seed)
    plane = generator.normal(100, 5, (40, 30))
    points = generator.uniform((0, 0), (39, 29), (4, 2))
    one = cell_intensities(plane, points, 7.0)
    turned = cell_intensities(plane.T, points[:, ::-1], 7.0)
    np.testing.assert_allclose(turned.mean, one.mean, rtol=1e-9)
