import numpy as np
import pytest

from adaptoscope.simulation.transmitted.fluorescence import membrane_light, record_stain
from adaptoscope.simulation.transmitted.settings import TransmittedSettings
from adaptoscope.simulation.transmitted.specimen import draw_spread_cells

SETTINGS = TransmittedSettings(height=192, width=192)
PLAIN = {"granularity": 0.0, "expression_spread": 0.0, "one_sidedness": 0.0}
QUIET = {
    "halo_share": 0.0, "background_variation": 0.0, "vignette": 0.0, "read_noise_electrons": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def specimen():
    return draw_spread_cells(SETTINGS, np.random.default_rng(4))


def light(specimen, **values):
    settings = SETTINGS.changed(cd29={**PLAIN, **values})
    return membrane_light(settings, specimen, np.random.default_rng(0))


def recorded(pixels: np.ndarray, seed: int = 0, **values):
    stain = SETTINGS.dapi.changed(**{**QUIET, **values})
    field = (slice(8, 88), slice(8, 104))
    rng = np.random.default_rng(seed)
    return record_stain(pixels.astype(np.float32), field, stain, SETTINGS.optics, 0.65, rng)


def test_flat_cells_show_two_sheets_and_nothing_outside(specimen):
    seen = light(specimen, perinuclear=0.0, steepness_gain=0.0)
    inside = specimen.bodies.inside_px
    np.testing.assert_allclose(seen[inside > 1], 2, rtol=1e-5)
    assert not seen[inside < -0.5].any()


def test_smooth_sheets_have_the_area_of_the_surface(specimen):
    seen = light(specimen, perinuclear=0.0, steepness_gain=1.0)
    height, pixel = specimen.thickness_um.astype(float), SETTINGS.pixel_size_um
    row, column = 100, 100
    down = (height[row + 1, column] - height[row - 1, column]) / (2 * pixel)
    right = (height[row, column + 1] - height[row, column - 1]) / (2 * pixel)
    within = np.clip(specimen.bodies.inside_px[row, column] + 0.5, 0, 1)
    assert seen[row, column] == pytest.approx(within * (1 + np.hypot(1, np.hypot(down, right))))


def test_borders_of_cells_are_brighter_than_their_lamella(specimen):
    seen = light(specimen, perinuclear=0.0)
    inside, away = specimen.bodies.inside_px, specimen.bodies.from_nucleus
    border = seen[(inside > 0.5) & (inside < 2)].mean()
    assert border > 1.3 * seen[(inside > 8) & (away > 2)].mean()


def test_the_store_is_brightest_beside_the_nucleus(specimen):
    seen = light(specimen, steepness_gain=0.0)
    away, deep = specimen.bodies.from_nucleus, specimen.bodies.inside_px > 2
    middle, beside, farther, far = (
        seen[deep & (away >= low) & (away < high)].mean()
        for low, high in ((0, 0.5), (0.95, 1.15), (1.5, 1.8), (3, 9))
    )
    assert beside > farther > far
    assert beside > 1.3 * middle > 1.3 * far
    # The settings say so: two sheets, and the store with its share above the nucleus.
    assert beside == pytest.approx(2 + SETTINGS.cd29.perinuclear, rel=0.1)
    assert middle == pytest.approx(
        2 + SETTINGS.cd29.perinuclear * SETTINGS.cd29.above_nucleus, rel=0.1
    )


def test_counts_have_the_mean_and_the_noise_of_counted_photons():
    counts = recorded(np.ones((100, 120)))
    stain = SETTINGS.dapi
    electrons = counts * (stain.full_scale_electrons / 65535) - stain.offset_electrons
    expected = stain.signal_electrons + stain.background_electrons
    assert counts.shape == (80, 96)
    assert electrons.mean() == pytest.approx(expected, rel=0.005)
    assert electrons.var() == pytest.approx(expected, rel=0.1)


def test_too_much_light_saturates():
    assert (recorded(np.full((100, 120), 100.0)) == 65535).all()


def test_the_blur_is_that_of_the_aperture():
    point = np.zeros((100, 120))
    point[48, 56] = 400.0
    counts = recorded(point, background_electrons=0.0, full_scale_electrons=1e6).astype(float)
    counts -= np.median(counts)
    rows = np.arange(80) - 40
    spot = counts[30:51, 38:59]
    variance = (spot.sum(axis=1) * rows[30:51] ** 2).sum() / spot.sum()
    # Of the published width 0.225 wavelength / aperture, and of the pixels of the kernel.
    sigma = 0.225 * 0.46 / 0.25 / 0.65
    assert variance == pytest.approx(sigma**2, rel=0.1)
