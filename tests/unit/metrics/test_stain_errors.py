import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from adaptoscope.errors import InputError
from adaptoscope.metrics.stain_errors import mean_absolute_error, nrmse, psnr, ssim

RANGE = 4000.0


def pair(seed=0, shape=(40, 52)):
    """Return a smooth truth of 12-bit counts and a noisy prediction."""
    generator = np.random.default_rng(seed)
    truth = 2000 + 6000 * ndimage.gaussian_filter(generator.standard_normal(shape), 3)
    return truth + 150 * generator.standard_normal(shape), truth


def tensors(*images):
    return [torch.from_numpy(image)[None, None] for image in images]


@pytest.mark.parametrize("seed", range(3))
def test_they_agree_with_torchmetrics(seed):
    predicted, true = pair(seed)
    guess, truth = tensors(predicted, true)
    _, places = structural_similarity_index_measure(
        guess, truth, sigma=1.5, data_range=RANGE, return_full_image=True
    )
    # Theirs also averages the border, where the window meets mirrored pixels.
    inside = float(places[0, 0, 5:-5, 5:-5].mean())
    assert ssim(predicted, true, data_range=RANGE) == pytest.approx(inside, abs=1e-6)
    ratio = peak_signal_noise_ratio(guess, truth, data_range=RANGE)
    assert psnr(predicted, true, data_range=RANGE) == pytest.approx(float(ratio), rel=1e-6)


def test_one_window_is_the_formula_of_the_paper():
    predicted, true = pair(1, (11, 11))
    steps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights = np.outer(steps, steps) / np.outer(steps, steps).sum()
    mean_x, mean_y = (weights * predicted).sum(), (weights * true).sum()
    var_x = (weights * (predicted - mean_x) ** 2).sum()
    var_y = (weights * (true - mean_y) ** 2).sum()
    cov = (weights * (predicted - mean_x) * (true - mean_y)).sum()
    c1, c2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    whole = top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    assert ssim(predicted, true, data_range=RANGE) == pytest.approx(whole, abs=1e-6)


def test_errors_are_those_of_a_loop_over_pixels():
    predicted, true = pair(2, (3, 4))
    differences = [float(a - b) for a, b in zip(predicted.ravel(), true.ravel(), strict=True)]
    square = sum(d * d for d in differences) / 12
    assert mean_absolute_error(predicted, true) == pytest.approx(sum(map(abs, differences)) / 12)
    assert nrmse(predicted, true, data_range=RANGE) == pytest.approx(math.sqrt(square) / RANGE)
    expected = 10 * math.log10(RANGE**2 / square)
    assert psnr(predicted, true, data_range=RANGE) == pytest.approx(expected)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_the_unit_makes_no_difference_where_the_range_follows_it(seed, unit):
    predicted, true = pair(seed)
    for measure in (ssim, psnr, nrmse):
        counts = measure(predicted, true, data_range=RANGE)
        other = measure(unit * predicted, unit * true, data_range=unit * RANGE)
        assert other == pytest.approx(counts, rel=1e-6)


def test_equal_images_are_without_error():
    _, true = pair()
    assert ssim(true, true, data_range=RANGE) == pytest.approx(1)
    assert psnr(true, true, data_range=RANGE) == math.inf
    assert nrmse(true, true, data_range=RANGE) == mean_absolute_error(true, true) == 0


def test_constant_images_have_errors_though_no_correlation():
    dark, bright = np.zeros((20, 20)), np.full((20, 20), RANGE)
    assert ssim(dark, bright, data_range=RANGE) == pytest.approx(1e-4, abs=1e-4)
    assert nrmse(dark, bright, data_range=RANGE) == 1
    assert psnr(dark, bright, data_range=RANGE) == 0


@pytest.mark.parametrize("measure", [ssim, psnr, nrmse])
@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_a_range_that_is_none_is_refused(measure, wrong):
    with pytest.raises(InputError, match="range"):
        measure(*pair(), data_range=wrong)


@pytest.mark.parametrize("shape", [(10, 40), (40,), (1, 40, 40)])
def test_images_without_a_window_are_refused(shape):
    with pytest.raises(InputError, match="11 x 11"):
        ssim(np.zeros(shape), np.zeros(shape), data_range=1)


def test_no_pixel_is_refused():
    for measure in (psnr, nrmse):
        with pytest.raises(InputError, match="no pixel"):
            measure([], [], data_range=1)
    with pytest.raises(InputError, match="no pixel"):
        mean_absolute_error([], [])
