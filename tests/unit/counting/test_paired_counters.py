import json

import numpy as np
import pytest

from adaptoscope.counting.evaluation_result import EvaluatedImage, summarise
from adaptoscope.counting.paired_counters import compare_evaluations
from adaptoscope.errors import InputError


def evaluation(rows):
    """Evaluate a counter that gives no centres: (image, predicted, true, class)."""
    images = [EvaluatedImage(*row, np.empty((0, 2)), np.empty(0)) for row in rows]
    return summarise(images, resamples=20)


def off_by(error, number=8):
    return evaluation([(f"{n}", n + error, n, "low") for n in range(1, number + 1)])


def test_two_counters_are_compared_image_by_image():
    found = compare_evaluations(off_by(1), off_by(-3), name="dog", seed=0)

    assert found.difference.n == 8
    assert found.difference.difference.lower == found.difference.difference.upper == -2
    assert found.difference.excludes_zero


def test_machine_and_person_are_told_the_difference_and_whether_it_may_be_chance():
    sure = compare_evaluations(off_by(1), off_by(-3), name="dog", seed=0)
    unsure = compare_evaluations(off_by(2), off_by(-2), name="dog", seed=0)

    told = json.loads(json.dumps(sure.as_dict()))["against"]
    assert (told["model"], told["n"], told["mae"]) == ("dog", 8, 3)
    assert (told["mae_difference"], told["mae_difference_interval"]) == (-2, [-2, -2])
    assert told["interval_excludes_0"] is True
    assert unsure.as_dict()["against"]["interval_excludes_0"] is False
    assert sure.in_words()["MAE of dog"].startswith("3.00 cells")
    assert sure.in_words()["difference"].startswith("-2.00 cells (95 % interval -2.00 to -2.00;")
    assert sure.in_words()["difference"].endswith("the interval excludes 0")
    assert "do not tell" in unsure.in_words()["difference"]


def test_counters_are_not_compared_on_different_images():
    with pytest.raises(InputError, match="same images") as refusal:
        compare_evaluations(off_by(1, 3), off_by(1, 2), name="dog", seed=0)

    assert "2 are in both" in refusal.value.found


def test_the_comparison_draws_within_classes_of_density():
    # Within each class all images are alike, so nothing is left to chance.
    rows = [("a", 5, 2, "low"), ("b", 5, 2, "low"), ("c", 90, 60, "high")]
    perfect = [(name, true, true, density) for name, _, true, density in rows]

    found = compare_evaluations(evaluation(rows), evaluation(perfect), name="x", seed=0).difference

    assert found.difference.lower == pytest.approx((3 + 3 + 30) / 3)
    assert found.difference.upper == pytest.approx((3 + 3 + 30) / 3)
