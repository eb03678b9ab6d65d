from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from adaptoscope.errors import InputError
from adaptoscope.metrics.difference_estimator import Stratum, corrected_total


def test_the_estimate_is_unbiased_over_all_samples_that_can_be_drawn() -> None:
    generator = np.random.default_rng(0)
    guess, truth = generator.gamma(2, 40, 9), generator.gamma(2, 40, 9)
    parts = (range(5), range(5, 9))
    estimates = [
        corrected_total(
            guess.sum(),
            [
                Stratum(len(part), (truth - guess)[list(drawn)])
                for part, drawn in zip(parts, (one, other), strict=True)
            ],
        ).value
        for one in combinations(parts[0], 3)
        for other in combinations(parts[1], 2)
    ]
    assert np.mean(estimates) == pytest.approx(truth.sum())


def test_one_stratum_gives_the_interval_of_a_mean_with_finite_correction() -> None:
    differences = np.array([3.0, -1.0, 4.0, 2.0, 0.0])
    found = corrected_total(1000.0, [Stratum(40, differences)], level=0.9)
    error = stats.sem(differences) * np.sqrt(1 - 5 / 40)
    low, high = stats.t.interval(0.9, 4, differences.mean(), error)
    assert found.value == pytest.approx(1000 + 40 * differences.mean())
    assert (found.lower, found.upper) == pytest.approx((1000 + 40 * low, 1000 + 40 * high))


def test_what_is_known_completely_has_no_uncertainty() -> None:
    found = corrected_total(10.0, [Stratum(1, np.array([2.0])), Stratum(2, np.array([1.0, -3.0]))])
    assert (found.value, found.lower, found.upper) == (10.0, 10.0, 10.0)


def test_equal_differences_leave_no_uncertainty() -> None:
    found = corrected_total(10.0, [Stratum(50, np.array([2.0, 2.0]))])
    assert (found.value, found.lower, found.upper) == (110.0, 110.0, 110.0)


@pytest.mark.parametrize(
    ("units", "differences"), [(5, [1.0]), (5, []), (2, [1.0, 2.0, 3.0]), (5, [1.0, np.nan])]
)
def test_a_stratum_that_says_too_little_is_refused(units: int, differences: list[float]) -> None:
    with pytest.raises(InputError, match="not known well enough"):
        corrected_total(1.0, [Stratum(units, np.array(differences))])


def test_nothing_to_estimate_is_refused() -> None:
    with pytest.raises(InputError, match="at least one stratum"):
        corrected_total(1.0, [])
    with pytest.raises(InputError, match="level"):
        corrected_total(1.0, [Stratum(1, np.array([0.0]))], level=1.0)
