import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.simulation.transmitted.optics import (
    image_intensity,
    pupil,
    source_steps,
    transmission,
)
from adaptoscope.simulation.transmitted.settings import MODALITIES, OpticsSettings

OPTICS = OpticsSettings()
PIXEL = 0.65
SIDE = 120
SHAPE = (SIDE, SIDE)


def distance_um(side: int = SIDE, pixel: float = PIXEL) -> np.ndarray:
    steps = (np.arange(side) - side // 2) * pixel
    return np.hypot(steps[:, None], steps[None, :])


def seen(opd_um: np.ndarray, modality: str, optics: OpticsSettings = OPTICS, pixel: float = PIXEL):
    opd_um = opd_um.astype(np.float32)
    wave = transmission(opd_um, np.zeros_like(opd_um), optics.wavelength_um)
    return image_intensity(wave, modality, optics, pixel)


def disc(radius_um: float, opd_um: float) -> np.ndarray:
    """A disc with an edge as soft as a pixel."""
    return opd_um / (1 + np.exp((distance_um() - radius_um) / (PIXEL / 2)))


APERTURES = st.builds(
    lambda objective, condenser, ring, width, loss, dz: OpticsSettings(
        objective_na=objective,
        condenser_na=condenser * objective,
        ring_na=ring * objective,
        ring_width_na=width * objective,
        ring_transmission=loss,
        defocus_um=dz,
        source_points=8,
    ),
    st.floats(0.2, 0.4),
    st.floats(0, 1),
    st.floats(0.4, 0.8),
    st.floats(0.15, 0.3),
    st.floats(0.05, 1),
    st.floats(-40, 40),
)


@pytest.mark.parametrize("modality", MODALITIES)
@settings(max_examples=20, deadline=None)
@given(optics=APERTURES, absorption=st.floats(0, 2), opd=st.floats(-1, 1))
def test_an_even_object_only_dims_the_light(modality, optics, absorption, opd):
    flat = np.ones((96, 100), np.float32)
    wave = transmission(flat * np.float32(opd), flat * np.float32(absorption), 0.55)
    # Beer-Lambert: the intensity falls with twice the loss of amplitude, whatever the optics.
    image = image_intensity(wave, modality, optics, 0.5)
    np.testing.assert_allclose(image, np.exp(-2 * absorption), rtol=2e-4)


def test_a_weak_phase_object_appears_with_defocus_and_turns_with_its_sign():
    bump = 0.005 * np.exp(-((distance_um() / 3) ** 2))
    focused = seen(bump, "brightfield") - 1
    above = seen(bump, "defocused") - 1
    below = seen(bump, "defocused", OPTICS.changed(defocus_um=-OPTICS.defocus_um)) - 1
    assert np.abs(focused).max() < 0.1 * np.abs(above).max()
    assert np.corrcoef(above.ravel(), below.ravel())[0, 1] < -0.99
    # A thicker middle is a lens: it gathers light on the side of the objective.
    middle = SIDE // 2
    assert above[middle, middle] > 0.01 > -0.01 > below[middle, middle]


def test_defocus_of_nothing_is_the_focus():
    image = seen(disc(8, 0.05), "defocused", OPTICS.changed(defocus_um=0.0))
    np.testing.assert_allclose(image, seen(disc(8, 0.05), "brightfield"), atol=1e-5)


def test_positive_phase_contrast_is_dark_with_a_bright_halo():
    image = seen(disc(4, 0.01), "phase")
    away = distance_um()
    assert image[away < 2].max() < 0.9
    ring = image[(away > 5) & (away < 9)]
    assert ring.mean() > 1.005
    assert ring.mean() > image[away > 25].mean() + 0.005
    # A lower optical path than the medium's is bright.
    assert seen(disc(4, -0.01), "phase")[SIDE // 2, SIDE // 2] > 1.1


def test_phase_contrast_of_a_small_weak_object_is_that_of_zernike():
    # Small against what the ring's width resolves, large against what the objective does.
    optics = OPTICS.changed(ring_width_na=0.01, source_points=32)
    side, opd = 240, 0.004
    bump = opd * np.exp(-((distance_um(side) / 2.5) ** 2))
    image = seen(bump, "phase", optics)
    phase = 2 * np.pi * opd / optics.wavelength_um
    expected = -2 * phase / np.sqrt(optics.ring_transmission)
    assert image[side // 2, side // 2] - 1 == pytest.approx(expected, rel=0.15)


def test_the_middle_of_a_wide_object_is_shaded_off():
    image = seen(disc(18, 0.01), "phase")
    away = distance_um()
    assert image[away < 4].mean() > image[(away > 14) & (away < 17)].mean() + 0.03


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_apertures_cut_fine_detail_off(modality):
    pixel, side = 0.2, 160
    noise = np.random.default_rng(0).standard_normal((side, side))
    absorption = (1e-3 * noise).astype(np.float32)
    wave = transmission(absorption, absorption, OPTICS.wavelength_um)
    power = np.abs(np.fft.fft2(image_intensity(wave, modality, OPTICS, pixel) - 1.0)) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(side, pixel)] * 2))
    outermost = (
        OPTICS.ring_na + OPTICS.ring_width_na / 4 if modality == "phase" else OPTICS.condenser_na
    )
    limit = (OPTICS.objective_na + outermost) / OPTICS.wavelength_um
    step = 1 / (side * pixel)
    beyond = power[frequency > limit + step].mean()
    below = power[(frequency > 0) & (frequency < 0.8 * limit)].mean()
    assert beyond < 1e-4 * below
    # And not much below the limit, as a coarser aperture would.
    near = power[(frequency > 0.8 * limit) & (frequency < 0.95 * limit)].mean()
    assert near > 10 * beyond


@pytest.mark.parametrize("modality", MODALITIES)
@settings(max_examples=30, deadline=None)
@given(optics=APERTURES, half=st.integers(1, 60))
def test_source_points_lie_in_the_aperture_in_opposite_pairs(modality, optics, half):
    steps = source_steps(SHAPE, modality, optics.changed(source_points=2 * half), PIXEL)
    assert len(steps) == 2 * half
    assert sorted(steps) == sorted((-row, -column) for row, column in steps)
    rounding = 0.71 * optics.wavelength_um / (SIDE * PIXEL)
    sines = np.hypot(*np.array(steps).T) * optics.wavelength_um / (SIDE * PIXEL)
    if modality == "phase":
        assert np.abs(sines - optics.ring_na).max() <= optics.ring_width_na / 4 + rounding
    else:
        assert sines.max() <= optics.condenser_na + rounding


def test_a_pupil_is_kept_and_cannot_be_changed():
    kept = pupil(SHAPE, "phase", OPTICS, PIXEL)
    assert pupil(SHAPE, "phase", OpticsSettings(), PIXEL) is kept
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 0
