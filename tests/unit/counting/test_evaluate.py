import dataclasses
import math

import numpy as np
import pytest

from adaptoscope.counting.baselines import ConstantCounter, OtsuWatershedCounter
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, LeakageError
from adaptoscope.metrics.game import grid_average_error

KEYS = {"n", "mae", "rmse", "bias", "within_5", "within_10", "mape", "r2", "mae_interval",
        "by_density"}  # fmt: skip
WITH_POINTS = {"f1", "precision", "recall", "game"}


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

    assert set(result.as_dict()) == KEYS | WITH_POINTS
    assert result.f1 == 1.0
    assert result.game == (0, 0, 0, 0)
    assert result.errors.mae == 0


class Places:
    """Gives the same centres for every image, and a count that is not their number."""

    def __init__(self, points, count):
        self.points, self.cells = np.array(points, dtype=float).reshape(-1, 2), count

    def count(self, pixels, *, diameter_px=None):
        return ImageCount(self.cells, self.points)


def placed(points, count):
    return CountingModel("places", ModelRecord(kind="centres"), Places(points, count))


def test_the_first_grid_error_is_the_mean_absolute_error_and_none_is_below_the_one_before(real):
    result = evaluate_counter(placed([[10, 10], [100, 90]], 9.5), real.split("test"), resamples=20)

    assert result.game[0] == pytest.approx(result.errors.mae)
    assert list(result.game) == sorted(result.game)
    first = result.images[0]
    weights = [4.75, 4.75]
    assert first.game[2] == pytest.approx(
        grid_average_error(first.found_points, first.true_points, (128, 128), 2, weights=weights)
    )


def test_a_count_without_a_centre_is_spread_over_the_image(real):
    result = evaluate_counter(placed([], 6.4), real.split("test"), resamples=20)

    assert result.game[0] == pytest.approx(result.errors.mae)
    assert result.points.recall == 0
    assert math.isnan(result.points.precision)


@pytest.fixture
def masked(tmp_path):
    """One image with a cell of 100 x 100 pixels and one of 6 x 6."""
    mask = np.zeros((200, 200), dtype=np.uint16)
    mask[20:120, 20:120], mask[150:156, 150:156] = 1, 2
    writer = CountedImageWriter(tmp_path / "masked", {"seed": 0}, "Two cells")
    writer.add("two", (mask > 0) * 0.5, points=[[69.5, 69.5], [152.5, 152.5]], mask=mask)
    return writer.finish("Two cells for a test.")


def test_a_centre_is_right_within_half_the_diameter_of_its_own_cell(masked):
    beside = [[69.5 + 40, 69.5], [152.5, 152.5 + 5]]

    (row,) = evaluate_counter(placed(beside, 2.0), masked, resamples=20).images

    assert row.diameters == pytest.approx(
        [2 * 100 / math.sqrt(math.pi), 2 * 6 / math.sqrt(math.pi)]
    )
    assert row.match.pairs.tolist() == [[0, 0]]
    assert (row.match.false_positives, row.match.false_negatives) == (1, 1)


def test_classes_of_density_are_those_of_the_true_counts(real):
    # 4, 12 and 28 cells in 128 x 128 pixels: 244, 732 and 1709 per million pixels.
    result = evaluate_counter(constant(12.0), real.split("test"), resamples=20)

    assert [row.density_class for row in result.images] == ["medium", "high", "high"]
    assert list(result.by_density) == ["medium", "high"]
    assert result.as_dict()["by_density"]["high"] == {"n": 2, "mae": 8.0, "bias": -8.0}


def test_classes_that_the_set_gives_to_all_images_are_taken_over(real):
    named = real.with_records(dataclasses.replace(r, density_class="sparse") for r in real)
    some = real.with_records(
        dataclasses.replace(r, density_class="sparse" if r.name == "test0.png" else None)
        for r in real
    )

    all_named = evaluate_counter(constant(12.0), named.split("test"), resamples=20)
    some_named = evaluate_counter(constant(12.0), some.split("test"), resamples=20)

    assert list(all_named.by_density) == ["sparse"]
    assert list(some_named.by_density) == ["medium", "high"]


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

    assert all(row.match.false_negatives == 0 for row in result.images)


def test_a_person_sees_how_far_it_is(real, capfd, monkeypatch):
    monkeypatch.setattr("adaptoscope.training.progress.PATIENCE_SECONDS", -1.0)

    evaluate_counter(constant(12.0), real.split("test"), resamples=20)

    assert capfd.readouterr().err == "evaluate: image 3 of 3\n"
