import math

import numpy as np
import pytest
from scipy import stats

from adaptoscope.errors import InputError
from adaptoscope.metrics.stained_cells import cell_intensities, cell_pearson

LABELS = np.array([[0, 7, 7, 0], [3, 7, 0, 0], [3, 0, 9, 9]], dtype=np.uint16)
PIXELS = np.arange(12.0).reshape(3, 4)


def test_cells_are_those_of_a_loop_over_the_labels():
    by_hand = {7: [1, 2, 5], 3: [4, 8], 9: [10, 11]}
    totals = [sum(by_hand[label]) for label in sorted(by_hand)]
    assert cell_intensities(PIXELS, LABELS).tolist() == totals
    means = [sum(by_hand[label]) / len(by_hand[label]) for label in sorted(by_hand)]
    assert cell_intensities(PIXELS, LABELS, measure="mean") == pytest.approx(means)
    above = cell_intensities(PIXELS, LABELS, background=1)
    assert above.tolist() == [12 - 2, 8 - 3, 21 - 2]


def test_cells_are_correlated_as_scipy_does_it():
    predicted = PIXELS[:, ::-1].copy()
    guess, truth = cell_intensities(predicted, LABELS), cell_intensities(PIXELS, LABELS)
    expected = stats.pearsonr(guess, truth).statistic
    assert cell_pearson(predicted, PIXELS, LABELS) == pytest.approx(expected)


def test_cells_may_agree_where_pixels_do_not():
    generator = np.random.default_rng(0)
    labels = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((8, 8), dtype=int))
    true = generator.gamma(2, 50, 16)[labels - 1] + generator.normal(0, 200, labels.shape)
    shuffled = true.copy()
    for label in range(1, 17):
        shuffled[labels == label] = generator.permutation(true[labels == label])
    assert np.corrcoef(shuffled.ravel(), true.ravel())[0, 1] < 0.5
    assert cell_pearson(shuffled, true, labels) == pytest.approx(1)


def test_few_cells_or_equal_ones_have_no_correlation():
    two = np.where(LABELS == 9, 0, LABELS)
    assert math.isnan(cell_pearson(PIXELS, PIXELS, two))
    assert math.isnan(cell_pearson(PIXELS, PIXELS, np.zeros_like(LABELS)))
    flat = np.ones_like(PIXELS)
    assert math.isnan(cell_pearson(PIXELS, flat, LABELS, measure="mean"))
    assert cell_pearson(flat, PIXELS, LABELS, measure="mean") == 0
    assert cell_intensities(PIXELS, np.zeros_like(LABELS)).shape == (0,)


@pytest.mark.parametrize("labels", [LABELS.T, LABELS.astype(float)])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(InputError, match="label image"):
        cell_pearson(PIXELS, PIXELS, labels)
