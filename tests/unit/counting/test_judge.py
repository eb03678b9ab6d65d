import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import adaptoscope as ad
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline
from adaptoscope.counting.judge import JUDGEMENT, Judgement, _needed, judge_counter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, read_record
from adaptoscope.metrics.intervals import Interval


class Off:
    """Says each image's own number, wrong by a given one."""

    own_diameter_px = None

    def __init__(self, images, by):
        self.true = {images.read(each).sha256: len(images.points(each)) for each in images}
        self.by = by
        self.read = {images.read(each).pixels.tobytes(): images.read(each) for each in images}

    def count(self, pixels, *, diameter_px=None):
        return ImageCount(self.true[self.read[pixels.tobytes()].sha256] + self.by)


def before(images, by):
    return CountingModel("usual", ModelRecord(kind="constant"), Off(images, by))


def constant(part, folder):
    return train_baseline(BaselineSettings(method="constant"), folder, real=part)


def test_errors_are_those_of_counters_that_had_not_seen_the_image(real, tmp_path):
    images = real.training_part().labelled()
    judged = judge_counter(tmp_path, images, 3, 0, constant, before(images, 2))
    assert (judged.images, judged.folds, judged.mae_before) == (6, 3, 2.0)
    counts = {record.name: len(images.points(record)) for record in images}
    errors = []
    for fold in range(3):
        seen = set(read_record(tmp_path / "folds" / str(fold)).training_images.values())
        median = np.median([counts[name] for name in seen])
        errors += [abs(counts[name] - median) for name in counts if name not in seen]
    assert judged.mae == pytest.approx(np.mean(errors))
    kept = json.loads((tmp_path / JUDGEMENT).read_text("utf-8"))
    assert kept == judged.as_dict()
    assert not judged.is_better
    assert judged.in_words().endswith("usual is better: keep it.")


def test_a_counter_that_was_far_off_is_beaten(real, tmp_path):
    images = real.training_part().labelled()
    judged = judge_counter(tmp_path, images, 3, 0, constant, before(images, 300))
    assert judged.is_better
    assert judged.difference.upper < 0
    assert judged.in_words().endswith("The new counter is better.")


def said(images, lower, value, upper, needed=None):
    found = Interval(value, lower, upper, 0.95)
    return Judgement("nuclei", images, 2, 4.0, 5.0, found, needed)


@pytest.mark.parametrize(
    ("judged", "end"),
    [
        (said(4, -3, -2, -1), "mark 5 images or more."),
        (said(9, -3, -2, -1), "The new counter is better."),
        (said(9, -3, -2, 1, 20), "about 20 images in all would tell, if these are typical."),
        (said(9, -3, -2, 1), "more images are not likely to tell."),
        (said(9, -1, 2, 3), "Not better: keep nuclei."),
        (said(9, 1, 2, 3), "nuclei is better: keep it."),
    ],
)
def test_each_outcome_says_what_to_do(judged, end):
    assert judged.in_words().endswith(end)
    assert judged.is_better == (end == "The new counter is better.")


def test_as_many_images_are_needed_as_a_simulation_says():
    rng = np.random.default_rng(0)
    needed = _needed(rng.normal(-1.0, 2.0, 4000))
    assert needed == pytest.approx((2.8 * 2) ** 2, rel=0.1)
    drawn = rng.normal(-1.0, 2.0, (2000, needed))
    upper = drawn.mean(1) + 1.96 * drawn.std(1, ddof=1) / np.sqrt(needed)
    assert np.mean(upper < 0) == pytest.approx(0.8, abs=0.05)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=30))
def test_a_number_is_only_told_where_the_new_counter_is_nearer(differences):
    needed = _needed(np.array(differences))
    if np.mean(differences) >= 0 or len(differences) < 2:
        assert needed is None
    assert needed is None or 0 <= needed <= 1000


@pytest.mark.parametrize(
    ("head", "settings"), [("dog", None), ("centres", {"steps": 2, "batch": 2, "crop": 64})]
)
def test_a_training_is_judged_beside_nuclei(real_folder, tmp_path, head, settings):
    out = tmp_path / "model"
    options = {"real": real_folder, "head": head, "settings": settings, "judge": True}
    if settings is not None:
        options["folds"] = 2
    trained = ad.train_counter(out, **options)
    found = json.loads((out / JUDGEMENT).read_text("utf-8"))
    # All labelled images but those of the split test.
    assert found["images"] == 11
    assert found["against"] == "nuclei"
    assert "Judged on 11 images" in trained.summary
    assert ad.train_counter(out, **options).summary.endswith(trained.summary.split("\n")[-1])
