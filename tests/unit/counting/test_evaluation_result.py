import csv
import json

import numpy as np

from adaptoscope.cli.options import plain
from adaptoscope.counting.evaluation_result import EvaluatedImage, summarise
from adaptoscope.metrics.point_matching import match_points

NONE = np.empty((0, 2))


def counted(name, predicted, true, density_class="low"):
    """One image of a counter that gives no centres."""
    return EvaluatedImage(name, predicted, true, density_class, NONE, np.empty(0))


def found(name, points, true, density_class="low"):
    """One image of a counter that gives centres; cells of 10 pixels."""
    points, true = (np.array(each, dtype=float).reshape(-1, 2) for each in (points, true))
    match = match_points(points, true, 5.0) if len(points) or len(true) else None
    error = float(abs(len(points) - len(true)))
    return EvaluatedImage(
        image=name,
        predicted=float(len(points)),
        true=float(len(true)),
        density_class=density_class,
        true_points=true,
        diameters=np.full(len(true), 10.0),
        found_points=points,
        match=match,
        game=(error,) * 4,
    )


THREE = (counted("a", 10, 12, "high"), counted("b", 3, 1), counted("c", 7, 7, "medium"))


def test_classes_stand_from_sparse_to_dense_and_names_of_the_set_after_them():
    rows = (*THREE, counted("d", 1, 1, "zebra"), counted("e", 1, 1, "aqua"))

    result = summarise(rows, resamples=20)

    assert list(result.by_density) == ["low", "medium", "high", "aqua", "zebra"]
    assert result.by_density["high"].bias == -2


def test_a_person_is_told_the_units():
    words = summarise([found("a", [[1, 1], [50, 50]], [[1, 2]])], resamples=20).in_words()

    assert words["MAE"] == "1.00 cells (too few images for an interval)"
    assert words["bias"] == "+1.00 cells (predicted minus true)"
    assert words["within 10 %"] == "0.0 % of the images"
    assert words["MAPE"] == "100.0 % of the true count"
    assert words["F1"].startswith("0.667")
    assert words["precision"] == "50.0 % of the found centres"
    assert words["GAME 0 to 3"] == "1.00, 1.00, 1.00, 1.00 cells"
    assert words["density low"] == "1 image, MAE 1.00 cells, bias +1.00 cells"
    assert words["R2"].startswith("not defined")


def test_the_interval_of_an_error_is_told_from_five_images_on():
    five = [found(name, [[1, 1], [50, 50]], [[1, 2]]) for name in "abcde"]
    told = summarise(five, resamples=20).in_words()["MAE"]
    assert told == "1.00 cells (95 % interval 1.00 to 1.00)"


def test_what_is_not_defined_is_null_for_a_machine():
    result = summarise([found("a", [], []), found("b", [], [])], resamples=20)

    written = json.dumps(plain(result.as_dict()), allow_nan=False)

    values = json.loads(written)
    assert [values[name] for name in ("f1", "precision", "recall", "mape", "r2")] == [None] * 5
    assert (values["mae"], values["game"]) == (0, [0, 0, 0, 0])
    assert result.in_words()["F1"].startswith("not defined")


def test_a_counter_without_centres_has_no_figures_of_centres():
    result = summarise(THREE, resamples=20)

    assert result.f1 is None
    assert not {"f1", "precision", "recall", "game"} & set(result.as_dict())
    assert not {"F1", "precision", "recall", "GAME 0 to 3"} & set(result.in_words())


def test_the_table_has_a_row_per_image(tmp_path):
    rows = (found("a.png", [[1, 1]], [[1, 2], [30, 30]], "high"), found("b.png", [], []))

    summarise(rows, resamples=20).write_table(tmp_path / "images.csv")

    first, second = csv.DictReader((tmp_path / "images.csv").open())
    assert (first["image"], float(first["predicted"]), float(first["true"])) == ("a.png", 1, 2)
    assert (float(first["error"]), first["lost"], first["density_class"]) == (-1, "1", "high")
    assert (second["image"], second["f1"]) == ("b.png", "")
