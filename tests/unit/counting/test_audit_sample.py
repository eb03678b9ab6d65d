from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.counting.audit_sample import FLAGGED, draw_images
from adaptoscope.counting.count_table import PredictedCount
from adaptoscope.errors import InputError


def population(counts: list[float], flags: dict[int, str] | None = None) -> list[PredictedCount]:
    return [
        PredictedCount(f"f{i:03}.png", c, flag=(flags or {}).get(i, ""))
        for i, c in enumerate(counts)
    ]


@given(
    st.lists(st.floats(0, 2000), min_size=1, max_size=80),
    st.integers(4, 25),
    st.integers(0, 3),
)
def test_the_strata_hold_every_image_and_probabilities_are_those_of_the_draw(
    counts: list[float], number: int, flagged: int
) -> None:
    candidates = population(counts, {0: "blurred", 1: "dense"})
    drawn = draw_images(candidates, number, seed=0, flagged=flagged)
    assert len({each.image for each in drawn}) == len(drawn)
    strata = {each.stratum: each.stratum_images for each in drawn}
    assert sum(strata.values()) == len(counts)
    taken = Counter(each.stratum for each in drawn)
    for each in drawn:
        assert each.inclusion == pytest.approx(taken[each.stratum] / each.stratum_images)
        assert taken[each.stratum] >= 2 or each.inclusion == 1
    besides = min(flagged, 2, len(counts))
    assert len(drawn) == min(number, len(counts) - besides) + besides


def test_inclusion_happens_as_often_as_stated() -> None:
    candidates = population(list(np.random.default_rng(0).gamma(1, 100, 40)))
    draws = [draw_images(candidates, 10, seed=seed) for seed in range(600)]
    often = Counter(each.image for draw in draws for each in draw)
    stated = {each.image: each.inclusion for draw in draws for each in draw}
    assert len(stated) == len(candidates)
    for image, probability in stated.items():
        tolerance = 4.5 * np.sqrt(probability * (1 - probability) / len(draws)) + 1e-9
        assert abs(often[image] / len(draws) - probability) < tolerance


def test_images_of_many_cells_are_drawn_more_often() -> None:
    drawn = draw_images(population([10.0] * 50 + [500.0] * 50), 12, seed=0)
    few = next(each.inclusion for each in drawn if each.image < "f050.png")
    assert max(each.inclusion for each in drawn) > 2 * few


def test_flagged_images_come_besides_and_are_certain() -> None:
    candidates = population([5.0, 50.0, 20.0, *[10.0] * 20], {0: "dark", 1: "dense", 2: "blurred"})
    drawn = draw_images(candidates, 6, seed=0, flagged=2)
    besides = {each.image: each for each in drawn if each.stratum == FLAGGED}
    assert set(besides) == {"f001.png", "f002.png"}
    assert besides["f001.png"].reason == "flagged: dense"
    assert {each.inclusion for each in besides.values()} == {1.0}
    assert len(drawn) == 8


def test_all_images_are_taken_where_there_are_few() -> None:
    drawn = draw_images(population([1.0, 2.0, 3.0]), 10, seed=0)
    assert [each.inclusion for each in drawn] == [1.0, 1.0, 1.0]
    assert "all of which are counted" in drawn[0].reason


def test_the_same_seed_draws_the_same_images_in_any_order() -> None:
    candidates = population([float(i) for i in range(30)])
    assert draw_images(candidates, 9, seed=3) == draw_images(candidates[::-1], 9, seed=3)
    assert draw_images(candidates, 9, seed=3) != draw_images(candidates, 9, seed=4)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(InputError, match="at least 4"):
        draw_images(population([1.0] * 9), 3, seed=0)
    with pytest.raises(InputError, match="0 images"):
        draw_images([], 10, seed=0)
