import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.kernel_distance import kernel_distance, polynomial_kernel


def features(rows: int, seed: int, width: int = 6, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width)) + shift


def distance(
    one: np.ndarray,
    other: np.ndarray,
    groups: tuple[object, object] | None = None,
    seed: int = 0,
    resamples: int = 50,
) -> Interval:
    groups = groups or (range(len(one)), range(len(other)))
    found = kernel_distance(one, other, groups, seed=seed, resamples=resamples)  # type: ignore[arg-type]
    assert found is not None
    return found


@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 3), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_the_estimate_is_the_one_written_out_pair_by_pair(
    n: int, m: int, images: int, seed: int
) -> None:
    one, other = features(n, seed), features(m, seed + 1, shift=0.5)
    of_one, of_other = [i % (images + 1) for i in range(n)], list(range(m))
    within_one = [
        (one[i] @ one[j] / 6 + 1) ** 3 for i in range(n) for j in range(n) if of_one[i] != of_one[j]
    ]
    within = [(other[i] @ other[j] / 6 + 1) ** 3 for i in range(m) for j in range(m) if i != j]
    between = [(a @ b / 6 + 1) ** 3 for a in one for b in other]
    expected = np.mean(within_one) + np.mean(within) - 2 * np.mean(between)
    found = distance(one, other, (of_one, of_other), resamples=1)
    assert found.value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.integers(0, 30))
@settings(max_examples=10, deadline=None)
def test_it_is_symmetric_and_the_seed_decides(seed: int) -> None:
    one, other = features(20, seed), features(15, seed + 1, shift=1.0)
    first = distance(one, other, seed=seed)
    assert first.value == pytest.approx(distance(other, one).value)
    assert first == distance(one, other, seed=seed)
    assert first != distance(one, other, seed=seed + 1)


def test_one_distribution_is_near_zero_and_another_is_not() -> None:
    same, other = (
        distance(features(150, 1), features(150, 2, shift=shift)) for shift in (0.0, 0.5)
    )
    assert abs(same.value) < 0.06
    assert same.lower < 0 < same.upper
    assert other.lower > 0.5


def test_rows_of_one_image_do_not_raise_the_distance() -> None:
    """Ten rows an image, all near each other: images of one distribution stay near zero."""
    values = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        one, other = (
            np.repeat(rng.standard_normal((12, 6)), 10, axis=0)
            + 0.1 * rng.standard_normal((120, 6))
            for _ in range(2)
        )
        images = np.repeat(np.arange(12), 10).tolist()
        values.append((distance(one, other, (images, images)).value, distance(one, other).value))
    by_image, by_row = np.mean(values, axis=0)
    assert abs(by_image) < 0.1
    assert by_row > 0.3


def test_the_interval_is_over_images() -> None:
    one, other = features(12, 1), features(12, 2, shift=0.5)
    few = distance(one, other, resamples=400)
    many = distance(
        np.repeat(one, 10, axis=0),
        np.repeat(other, 10, axis=0),
        (np.repeat(np.arange(12), 10).tolist(),) * 2,
        resamples=400,
    )
    assert many.value == pytest.approx(few.value)
    assert (many.lower, many.upper) == pytest.approx((few.lower, few.upper))


def test_the_kernel_of_the_paper() -> None:
    one, other = np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]])
    assert polynomial_kernel(one, other) == pytest.approx(np.array([[(5 / 2 + 1) ** 3]]))


def test_one_image_has_no_distance() -> None:
    groups = ([0] * 5, range(5))
    assert kernel_distance(features(5, 0), features(5, 1), groups, seed=0) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (features(0, 0), features(5, 0)),
        (features(5, 0), features(5, 0, width=3)),
        (np.zeros(4), features(5, 0)),
        (np.full((5, 6), np.nan), features(5, 0)),
    ],
    ids=["no row", "other width", "no rows", "NaN"],
)
def test_sets_that_cannot_be_compared_are_refused(one: np.ndarray, other: np.ndarray) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        kernel_distance(one, other, (range(len(one)), range(len(other))), seed=0)


def test_every_row_needs_its_image() -> None:
    with pytest.raises(InputError, match="not known"):
        kernel_distance(features(5, 0), features(5, 1), (range(4), range(5)), seed=0)
