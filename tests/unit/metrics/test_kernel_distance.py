import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.kernel_distance import kernel_distance, polynomial_kernel, unbiased_mmd


def features(rows: int, seed: int, width: int = 6, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width)) + shift


@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_the_estimate_is_the_one_written_out_pair_by_pair(n: int, m: int, seed: int) -> None:
    one, other = features(n, seed), features(m, seed + 1, shift=0.5)
    within_one = [(one[i] @ one[j] / 6 + 1) ** 3 for i in range(n) for j in range(n) if i != j]
    within = [(other[i] @ other[j] / 6 + 1) ** 3 for i in range(m) for j in range(m) if i != j]
    between = [(a @ b / 6 + 1) ** 3 for a in one for b in other]
    expected = np.mean(within_one) + np.mean(within) - 2 * np.mean(between)
    assert unbiased_mmd(one, other) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.integers(0, 30))
@settings(max_examples=10, deadline=None)
def test_it_is_symmetric_and_the_seed_decides(seed: int) -> None:
    one, other = features(20, seed), features(15, seed + 1, shift=1.0)
    assert unbiased_mmd(one, other) == pytest.approx(unbiased_mmd(other, one))
    first, again = (
        kernel_distance(one, other, seed=seed, subset_size=8, subsets=9) for _ in range(2)
    )
    assert first == again
    assert first != kernel_distance(one, other, seed=seed + 1, subset_size=8, subsets=9)


def test_one_distribution_is_near_zero_and_another_is_not() -> None:
    same, other = (
        kernel_distance(features(300, 1), features(300, 2, shift=shift), seed=0, subsets=40)
        for shift in (0.0, 0.5)
    )
    assert abs(same.value) < 0.05
    assert other.value > 0.5


def test_the_subset_size_is_stated_as_it_was_used() -> None:
    distance = kernel_distance(features(40, 1), features(12, 2), seed=0, subset_size=100, subsets=7)
    assert (distance.subset_size, distance.subsets) == (12, 7)


def test_the_kernel_of_the_paper() -> None:
    one, other = np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]])
    assert polynomial_kernel(one, other) == pytest.approx(np.array([[(5 / 2 + 1) ** 3]]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (features(1, 0), features(5, 0)),
        (features(5, 0), features(5, 0, width=3)),
        (np.zeros(4), features(5, 0)),
        (np.full((5, 6), np.nan), features(5, 0)),
    ],
    ids=["one row", "other width", "no rows", "NaN"],
)
def test_sets_that_cannot_be_compared_are_refused(one: np.ndarray, other: np.ndarray) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        kernel_distance(one, other, seed=0)


@pytest.mark.parametrize("numbers", [{"subset_size": 1}, {"subsets": 0}])
def test_subsets_that_cannot_be_drawn_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(InputError, match="subsets"):
        kernel_distance(features(9, 0), features(9, 1), seed=0, **numbers)
