import json
import math

import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.metrics.correlation import fisher_mean, pearson
from adaptoscope.metrics.intervals import bootstrap_interval
from adaptoscope.metrics.stain_agreement import compare_stains, stain_agreement
from adaptoscope.metrics.stain_errors import mean_absolute_error, nrmse, psnr, ssim

RANGE = 1000.0


def images(number=6, side=16):
    """Return predictions, the later the noisier, and their truths."""
    generator = np.random.default_rng(0)
    made = []
    for index in range(number):
        true = generator.gamma(2, 100, (side, side + index))
        made.append((true + 20 * index * generator.standard_normal(true.shape) + 5, true))
    return made


def gathered(pairs, **options):
    compared = [compare_stains(*pair, data_range=RANGE) for pair in pairs]
    return stain_agreement(compared, **options)


def test_figures_of_one_image_are_those_of_the_single_functions():
    predicted, true = images()[3]
    found = compare_stains(predicted, true, data_range=RANGE)
    assert found.pearson == pearson(predicted, true)
    assert found.mae == mean_absolute_error(predicted, true)
    for name, measure in {"ssim": ssim, "psnr": psnr, "nrmse": nrmse}.items():
        assert getattr(found, name) == measure(predicted, true, data_range=RANGE)


def test_a_set_is_gathered_over_its_images():
    pairs = images()
    found = gathered(pairs, seed=4, resamples=200)
    each = [pearson(*pair) for pair in pairs]
    assert found.n == 6
    assert found.pearson == pytest.approx(np.mean(each))
    assert found.pearson_interval == bootstrap_interval(each, seed=4, resamples=200)
    assert found.pearson_interval.lower < found.pearson < found.pearson_interval.upper
    assert found.pearson_fisher == pytest.approx(fisher_mean(each))
    assert found.pearson_pooled == pytest.approx(
        np.corrcoef(*(np.concatenate([p[i].ravel() for p in pairs]) for i in (0, 1)))[0, 1]
    )
    assert found.ssim == pytest.approx(np.mean([ssim(*p, data_range=RANGE) for p in pairs]))
    assert (found.constant, found.flat) == (0, 0)


def test_constant_truths_are_left_out_and_constant_predictions_are_not():
    pairs = images(4)
    flat = np.full((16, 16), 7.0)
    collapsed = [(flat, pairs[0][1]), (flat, flat)]
    found, plain = gathered(pairs + collapsed, resamples=50), gathered(pairs, resamples=50)
    assert (found.n, found.constant, found.flat) == (6, 1, 1)
    assert found.pearson == pytest.approx(plain.pearson * 4 / 5)
    assert found.psnr == math.inf


def test_the_keys_of_reports_hold_plain_values():
    found = gathered(images(), resamples=50).as_dict()
    assert {"n", "pearson", "pearson_interval", "ssim", "nrmse"} <= set(found)
    lower, upper = found["pearson_interval"]
    assert lower <= found["pearson"] <= upper
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_nothing_to_correlate_gives_nan_and_one_warning():
    flat = np.full((16, 16), 7.0)
    with pytest.warns(RuntimeWarning, match="no image has a correlation") as said:
        found = gathered([(images()[0][1], flat)], resamples=50)
    assert len(said) == 1
    assert (found.n, found.constant) == (1, 1)
    assert math.isnan(found.pearson)
    assert math.isnan(found.pearson_fisher)
    assert math.isnan(found.pearson_interval.lower)
    assert found.nrmse > 0
    with pytest.warns(RuntimeWarning, match="no image"):
        assert math.isnan(gathered([]).ssim)


def test_a_prediction_that_diverged_is_refused():
    predicted, true = images()[0]
    with pytest.raises(InputError, match="not numbers"):
        compare_stains(np.where(predicted > 100, np.inf, predicted), true, data_range=RANGE)
