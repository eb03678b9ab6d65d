import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.metrics.two_sample import area_under_curve, divide_groups, two_sample_auc

# Few rows and features keep a fit at a millisecond.
ROWS, WIDTH = 60, 8


def features(seed: int, shift: float = 0.0, rows: int = ROWS) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((rows, WIDTH))
    drawn[:, 0] += shift
    return drawn


def names(prefix: str, rows: int = ROWS, each: int = 3) -> list[str]:
    return [f"{prefix}{row // each}" for row in range(rows)]


@given(st.lists(st.integers(0, 5), min_size=4, max_size=30), st.data())
@settings(max_examples=25, deadline=None)
def test_the_area_is_the_share_of_pairs_in_order(values: list[int], data: st.DataObject) -> None:
    second = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    )
    scores = np.array(values, dtype=float)
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a in scores[second] for b in scores[~second]
    ]
    found = area_under_curve(scores, second)
    assert np.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


def test_weights_are_repetitions() -> None:
    scores, second = np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True])
    times = np.array([2, 1, 3, 2])
    repeated = area_under_curve(np.repeat(scores, times), np.repeat(second, times))
    assert area_under_curve(scores, second, times.astype(float)) == pytest.approx(repeated)


def test_identical_sets_are_chance() -> None:
    same = features(0)
    found = two_sample_auc(same, same, (names("a"), names("a")), seed=0, resamples=200)
    assert found.value == pytest.approx(0.5, abs=0.02)


def test_one_distribution_is_near_chance_and_its_interval_holds_it() -> None:
    values = []
    for seed in range(6):
        one, other = features(seed), features(100 + seed)
        found = two_sample_auc(one, other, (names("a"), names("b")), seed=seed, resamples=100)
        values.append(found.value)
        assert found.lower <= found.value <= found.upper
    assert np.mean(values) == pytest.approx(0.5, abs=0.08)


def test_sets_apart_are_told_apart() -> None:
    found = two_sample_auc(
        features(0), features(1, shift=4), (names("a"), names("b")), seed=0, resamples=100
    )
    assert found.value > 0.97
    assert found.lower > 0.9


def test_what_is_common_to_an_image_does_not_help() -> None:
    """Tiles of one image are alike; a rule that learnt images by heart would seem to work."""
    rng = np.random.default_rng(3)
    one, other = (np.repeat(4 * rng.standard_normal((20, WIDTH)), 3, axis=0) for _ in range(2))
    grouped = two_sample_auc(one, other, (names("a"), names("b")), seed=0, resamples=20)
    alone = [str(row) for row in range(ROWS)]
    split_images = two_sample_auc(
        one, other, (alone, [f"b{name}" for name in alone]), seed=0, resamples=20
    )
    assert grouped.value < 0.7
    assert split_images.value > grouped.value + 0.1


def test_the_seed_decides() -> None:
    sets = (features(0), features(1, shift=0.5), (names("a"), names("b")))
    once, again = (two_sample_auc(*sets, seed=4, resamples=50) for _ in range(2))
    assert once == again


@given(st.integers(0, 1000), st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_no_group_is_in_two_folds_and_both_sets_are_in_all(seed: int, folds: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, 24, 120))
    groups = np.unique(groups, return_inverse=True)[1]
    second = rng.random(120) < 0.4
    fold = divide_groups(groups, second, folds, rng)
    for group in np.unique(groups):
        assert len(np.unique(fold[groups == group])) == 1
    for number in range(folds):
        left = second[fold != number]
        assert left.any()
        assert not left.all()


def test_few_groups_make_fewer_folds() -> None:
    fold = divide_groups(
        np.array([0, 0, 1, 2, 3, 4]),
        np.array([True, True, True, False, False, False]),
        5,
        np.random.default_rng(0),
    )
    assert fold.max() == 1


def test_sets_that_cannot_be_divided_are_refused() -> None:
    with pytest.raises(InputError, match="told apart fairly"):
        two_sample_auc(features(0), features(1), (["a"] * ROWS, names("b")), seed=0)
    with pytest.raises(InputError, match="groups do not belong"):
        two_sample_auc(features(0), features(1), (names("a")[1:], names("b")), seed=0)


def test_a_constant_feature_does_no_harm() -> None:
    one, other = features(0), features(1, shift=4)
    one[:, 3] = other[:, 3] = 7.0
    found = two_sample_auc(one, other, (names("a"), names("b")), seed=0, resamples=20)
    assert found.value > 0.97


def test_two_images_and_one_draw_give_no_interval_and_no_warning() -> None:
    rng = np.random.default_rng(0)
    features = [rng.normal(size=(10, 3)) for _ in range(2)]
    names = [[f"{name}{row // 5}" for row in range(10)] for name in "ab"]
    for seed in range(12):
        with np.errstate(all="raise"):
            found = two_sample_auc(*features, (names[0], names[1]), seed=seed, resamples=1)
        assert 0 <= found.value <= 1
        assert np.isnan(found.lower) == np.isnan(found.upper)
