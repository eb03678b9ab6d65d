import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.images.blobs import (
    automatic_threshold,
    cell_mask,
    difference_of_gaussians,
    difference_of_gaussians_peaks,
    estimate_diameter,
    fit_difference_of_gaussians,
    measured_diameter,
    otsu_watershed_labels,
    sigma_of_diameter,
)
from adaptoscope.metrics.point_matching import match_points

# Large enough for 25 cells of 14 pixels that do not touch.
SIDE = 160
DIAMETER = 14.0


def discs(centres, diameter=DIAMETER, side=SIDE, noise=0.01, seed=0):
    rows, columns = np.mgrid[:side, :side]
    image = np.random.default_rng(seed).normal(0.1, noise, (side, side))
    for row, column in centres:
        image += 0.4 / (1 + np.exp(np.hypot(rows - row, columns - column) - diameter / 2))
    return image.astype(np.float32)


def lattice(step=32.0):
    axis = np.arange(16, SIDE, step)
    return np.array([(row, column) for row in axis for column in axis])


def test_peaks_lie_on_the_cells():
    image = discs(lattice())
    sigma = sigma_of_diameter(DIAMETER)

    points = difference_of_gaussians_peaks(image, sigma, automatic_threshold(image, sigma))

    match = match_points(points, lattice(), 2.0)
    assert match.f1 == 1.0
    assert match.mean_distance < 0.7


def test_the_response_to_a_disc_is_largest_at_the_sigma_of_its_diameter():
    image = discs([(80, 80)], diameter=20, noise=0)
    middle = sigma_of_diameter(20)

    responses = [
        difference_of_gaussians(image, s)[80, 80] for s in np.linspace(0.5, 2, 31) * middle
    ]

    assert np.linspace(0.5, 2, 31)[np.argmax(responses)] == pytest.approx(1.0, abs=0.15)


def test_a_plateau_counts_once():
    image = np.zeros((40, 40), dtype=np.float32)
    image[10:12, 10:12] = 1
    image[30, 30] = 1

    assert len(difference_of_gaussians_peaks(image, 1.0, 0.01)) == 2


@settings(deadline=None, max_examples=15)
@given(st.floats(0.001, 0.3), st.floats(0.001, 0.3))
def test_a_higher_threshold_never_finds_more(first, second):
    image = discs(lattice(), noise=0.05)
    low, high = sorted((first, second))

    assert len(difference_of_gaussians_peaks(image, 3.0, high)) <= len(
        difference_of_gaussians_peaks(image, 3.0, low)
    )


@pytest.mark.parametrize("grain", [0, 2])
def test_noise_without_cells_is_counted_as_nothing(grain):
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(1).normal(0.2, 0.02, (SIDE, SIDE))
    image = gaussian_filter(noise, grain) if grain else noise

    assert automatic_threshold(image, 4.0) == np.inf
    assert len(difference_of_gaussians_peaks(image, 4.0, np.inf)) == 0
    assert otsu_watershed_labels(image, DIAMETER).max() == 0
    assert np.isnan(estimate_diameter(image))
    assert measured_diameter(image) is None


def test_a_constant_image_has_no_cells():
    flat = np.full((SIDE, SIDE), 0.5, dtype=np.float32)

    assert not cell_mask(flat).any()
    assert len(difference_of_gaussians_peaks(flat, 3.0, 0.0)) == 0


@pytest.mark.parametrize("diameter", [10.0, 16.0, 24.0])
def test_the_diameter_is_measured_without_labels(diameter):
    assert estimate_diameter(discs(lattice(), diameter)) == pytest.approx(diameter, rel=0.15)


def test_touching_cells_are_split():
    image = discs([(60, 60), (60, 72), (110, 110)])

    labels = otsu_watershed_labels(image, DIAMETER)

    assert labels.max() == 3
    assert labels[60, 57] != labels[60, 75]
    assert np.array_equal(np.unique(labels), np.arange(4))


def test_specks_are_not_cells():
    image = discs([(60, 60)], noise=0)
    image[120, 120] = 0.6

    assert otsu_watershed_labels(image, DIAMETER).max() == 1


def test_the_fit_finds_a_threshold_that_counts_right():
    generator = np.random.default_rng(0)
    centres = [lattice()[generator.permutation(25)[:n]] for n in (3, 9, 17, 25)]
    images = [discs(c, noise=0.03, seed=n) for n, c in enumerate(centres)]

    sigma, threshold = fit_difference_of_gaussians(images, [3, 9, 17, 25])

    fresh = discs(lattice()[:12], noise=0.03, seed=99)
    assert len(difference_of_gaussians_peaks(fresh, sigma, threshold)) == 12


def test_scaling_the_intensities_scales_the_threshold():
    images = [discs(lattice()[:n], seed=n) for n in (5, 20)]

    sigma, threshold = fit_difference_of_gaussians(images, [5, 20], sigmas=[4.0])
    _, doubled = fit_difference_of_gaussians([2 * i for i in images], [5, 20], sigmas=[4.0])

    assert sigma == 4.0
    assert doubled == pytest.approx(2 * threshold, rel=1e-3)


def test_unusable_input_is_refused():
    flat = np.zeros((8, 8), dtype=np.float32)
    for wrong in (
        lambda: difference_of_gaussians(np.zeros((2, 8, 8)), 1.0),
        lambda: difference_of_gaussians(np.full((8, 8), np.nan), 1.0),
        lambda: difference_of_gaussians(flat, 0.0),
        lambda: difference_of_gaussians_peaks(flat, 1.0, -1.0),
        lambda: fit_difference_of_gaussians([], []),
        lambda: fit_difference_of_gaussians([flat], [3], sigmas=[2.0]),
        lambda: sigma_of_diameter(float("nan")),
    ):
        with pytest.raises(InputError):
            wrong()


def test_an_unknown_diameter_is_refused_with_a_remedy_that_exists():
    with pytest.raises(InputError) as caught:
        sigma_of_diameter(float("nan"))
    assert "--" not in caught.value.remedy
