import csv
import shutil

import pytest

from adaptoscope.counting.baselines import ConstantCounter
from adaptoscope.counting.calibration import Calibration
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.counting.predict import COLUMNS, predict_counts
from adaptoscope.errors import InputError, OutputError


@pytest.fixture
def unseen(real_folder, tmp_path):
    folder = tmp_path / "unseen"
    folder.mkdir()
    for name in ("test0.png", "test2.png"):
        shutil.copy(real_folder / "images" / name, folder / name)
    (folder / "test1.png").write_bytes(b"not an image")
    return folder


def test_the_table_begins_as_the_contract_says(unseen, tmp_path):
    predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv")

    head = (tmp_path / "counts.csv").read_text().splitlines()[0]
    assert head == (
        "image,count,lower,upper,flag,region,area_mm2,per_mm2,pixel_size_um,diameter_px,model,error"
    )
    assert head.split(",") == list(COLUMNS)


def test_a_failed_image_has_an_error_and_no_count(unseen, tmp_path):
    predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv", pixel_size_um=0.5)

    rows = list(csv.DictReader((tmp_path / "counts.csv").open()))
    assert [row["image"] for row in rows] == ["test0.png", "test1.png", "test2.png"]
    assert [row["count"] for row in rows] == ["4", "", "28"]
    assert "test1.png" in rows[1]["error"]
    assert rows[0]["error"] == ""
    assert rows[0]["lower"] == rows[0]["upper"] == ""
    assert float(rows[0]["area_mm2"]) == pytest.approx((128 * 0.0005) ** 2)
    assert float(rows[0]["per_mm2"]) == pytest.approx(4 / (128 * 0.0005) ** 2, rel=1e-4)


def test_a_calibrated_counter_gives_an_interval(unseen, tmp_path):
    record = ModelRecord(kind="constant", value=100, calibration=Calibration(residuals=(2.0,) * 40))
    model = CountingModel("hundred", record, ConstantCounter(100.0))

    rows = predict_counts(model, unseen / "test0.png", tmp_path / "counts.csv")

    assert [(row.lower, row.upper, row.model) for row in rows] == [(80.0, 120.0, "hundred")]


def test_nothing_to_count_is_refused(tmp_path):
    with pytest.raises(InputError, match="nothing to count"):
        predict_counts(load_counter("dog"), tmp_path / "absent", tmp_path / "counts.csv")
    assert not (tmp_path / "counts.csv").exists()


def test_a_folder_is_no_table(unseen, tmp_path):
    with pytest.raises(OutputError, match="a folder") as caught:
        predict_counts(load_counter("dog"), unseen, tmp_path)

    assert caught.value.remedy.endswith("counts.csv")


def test_a_person_sees_how_far_it_is(unseen, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("adaptoscope.training.progress.PATIENCE_SECONDS", -1.0)

    predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv")

    assert capfd.readouterr().err == "count: 3 of 3\n"
