import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.counting.judgement import (
    JudgedImage,
    further_images,
    judgement_of,
    read_judgement,
    write_judgement,
)
from adaptoscope.errors import InputError


def judged(gains, groups=None):
    """Images of 100 cells: the old counter is 50 off, the new one by the gain less."""
    groups = groups or [""] * len(gains)
    return [
        JudgedImage(f"{place}.png", group, place % 2, 100.0, 150.0, 150.0 - gain)
        for place, (gain, group) in enumerate(zip(gains, groups, strict=True))
    ]


def test_the_new_counter_is_better_only_where_the_interval_excludes_zero():
    clear = judgement_of("nuclei", judged([4, 5, 6, 5, 4, 6]), folds=2, seed=0)
    assert clear.better
    assert (clear.gain, clear.mae_old, clear.mae_new) == (5.0, 50.0, 45.0)
    assert clear.lower > 0
    assert clear.further is None
    assert clear.in_words().startswith("Better: ")

    open_ = judgement_of("nuclei", judged([20, -15, 10, -12, 8, -4]), folds=2, seed=0)
    assert not open_.better
    assert not open_.worse
    assert open_.lower < 0 < open_.upper
    assert open_.in_words().startswith("Not decided: ")


def test_a_counter_that_is_farther_off_is_called_worse():
    found = judgement_of("nuclei", judged([-4, -5, -6, -5, -4]), folds=2, seed=0)
    assert found.worse
    assert not found.better
    assert "Keep nuclei" in found.in_words()


def test_images_of_one_culture_are_no_five_images():
    gains = [4, 5, 6, 5, 4, 6]
    found = judgement_of("nuclei", judged(gains, ["a", "a", "a", "b", "b", "b"]), folds=2, seed=0)
    assert found.groups == 2
    assert not found.better
    assert "at least 5" in found.in_words()


def test_groups_widen_the_interval_that_they_share():
    gains = [9, 9, 9, 9, 1, 1, 1, 1, 5, 5, 5, 5, -3, -3, -3, -3, 6, 6, 6, 6]
    groups = [f"g{place // 4}" for place in range(20)]
    alone = judgement_of("nuclei", judged(gains), folds=2, seed=0)
    together = judgement_of("nuclei", judged(gains, groups), folds=2, seed=0)
    assert alone.gain == together.gain
    assert together.upper - together.lower > 1.5 * (alone.upper - alone.lower)


def test_further_images_are_those_of_a_paired_sample_size():
    # Mean 2, deviation 4: (2.802 * 4 / 2)^2 = 31.4, so 32 in all.
    gains = np.array([2 - 4, 2 + 4] * 5) * 1.0
    gains = 2 + (gains - 2) * np.sqrt(9 / 10)
    assert np.std(gains, ddof=1) == pytest.approx(4)
    assert further_images(list(gains)) == 32 - 10


@pytest.mark.parametrize("gains", [[], [3.0], [-1.0, -2.0], [1.0, -1.0]])
def test_nothing_is_advised_without_a_gain(gains):
    assert further_images(gains) is None


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=12))
def test_advice_is_a_whole_number_of_images_or_none(gains):
    found = further_images(gains)
    assert found is None or found >= 1


def test_no_images_are_refused():
    with pytest.raises(InputError, match="No image was judged"):
        judgement_of("nuclei", [], folds=2, seed=0)


def test_the_card_says_it_once(tmp_path):
    (tmp_path / "README.md").write_text("# Card\n\n## Limits\n\n- one\n", "utf-8")
    assert read_judgement(tmp_path) is None
    found = judgement_of("nuclei", judged([4, 5, 6, 5, 4, 6]), folds=2, seed=0)
    for _ in range(2):
        write_judgement(tmp_path, found)
    card = (tmp_path / "README.md").read_text("utf-8")
    assert card.count(found.in_words()) == 1
    assert card.startswith("# Card\n\n## Limits\n\n- one\n\n## Beside")
    kept = read_judgement(tmp_path)
    assert kept == json.loads(json.dumps(found.as_dict()))
    assert kept["better"] is True
    assert len(kept["images"]) == 6
