import csv
import dataclasses

import pytest

from adaptoscope.counting.baselines import ConstantCounter, OtsuWatershedCounter
from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.errors import InputError, LeakageError

KEYS = {"n", "mae", "rmse", "bias", "within_5", "within_10", "mape", "r2", "mae_interval"}


def constant(value, seen=None):
    record = ModelRecord(kind="constant", value=value, training_images=seen or {})
    return CountingModel("constant", record, ConstantCounter(value))


def test_the_constant_has_the_errors_worked_out_by_hand(real):
    result = evaluate_counter(constant(12.0), real.split("test"), resamples=200)

    assert set(result.as_dict()) == KEYS
    assert result.errors.mae == pytest.approx((8 + 0 + 16) / 3)
    assert result.errors.bias == pytest.approx((8 + 0 - 16) / 3)
    assert result.mae_interval.lower <= result.errors.mae <= result.mae_interval.upper


def test_a_detector_has_an_f1_too(real):
    result = evaluate_counter(load_counter("dog"), real.split("test"), resamples=50)

    assert set(result.as_dict()) == KEYS | {"f1"}
    assert result.f1 == 1.0
    assert result.errors.mae == 0


def test_the_table_has_a_row_per_image(real, tmp_path):
    result = evaluate_counter(load_counter("dog"), real.split("test"), resamples=50)

    result.write_table(tmp_path / "images.csv")

    rows = list(csv.DictReader((tmp_path / "images.csv").open()))
    assert [row["image"] for row in rows] == ["test0.png", "test1.png", "test2.png"]
    assert float(rows[0]["predicted"]) == float(rows[0]["true"]) == 4


def test_images_the_counter_was_trained_on_are_refused(real):
    test = real.split("test")
    model = constant(1.0, {next(iter(test.hashes().values())): "elsewhere/renamed.tif"})

    with pytest.raises(LeakageError, match=r"elsewhere/renamed\.tif"):
        evaluate_counter(model, test)

    allowed = evaluate_counter(model, test, allow_training_images=True, resamples=20)
    assert allowed.errors.n == 3


def test_images_without_labels_are_refused(real):
    bare = real.with_records(dataclasses.replace(r, labelled=False) for r in real)

    with pytest.raises(InputError, match="count predict"):
        evaluate_counter(constant(1.0), bare)


def test_the_matching_radius_does_not_depend_on_the_counter(real):
    crumbs = OtsuWatershedCounter(splitting_px=1.0)
    model = CountingModel("crumbs", ModelRecord(kind="otsu_watershed"), crumbs)

    result = evaluate_counter(model, real.split("test"), resamples=20)

    assert all(row.match.lost == 0 for row in result.images)


def test_a_person_sees_how_far_it_is(real, capfd, monkeypatch):
    monkeypatch.setattr("adaptoscope.training.progress.PATIENCE_SECONDS", -1.0)

    evaluate_counter(constant(12.0), real.split("test"), resamples=20)

    assert capfd.readouterr().err == "evaluate: 3 of 3\n"
