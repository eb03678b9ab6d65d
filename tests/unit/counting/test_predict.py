import csv
import shutil

import numpy as np
import pytest
import tifffile
import torch

from adaptoscope.counting.baselines import ConstantCounter
from adaptoscope.counting.calibration import Calibration
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.counting.outside import known_images
from adaptoscope.counting.predict import PredictSettings, predict_counts
from adaptoscope.datasets.point_tables import read_points
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.images.files import write_image, write_mask

HALF = PredictSettings(pixel_size_um=0.5)


@pytest.fixture
def unseen(real_folder, tmp_path):
    folder = tmp_path / "unseen"
    folder.mkdir()
    for name in ("test0.png", "test2.png"):
        shutil.copy(real_folder / "images" / name, folder / name)
    (folder / "test1.png").write_bytes(b"not an image")
    return folder


def test_a_failed_image_has_an_error_and_no_count(unseen, tmp_path):
    predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv", HALF)

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


def test_an_interrupted_run_leaves_no_table(unseen, tmp_path):
    out, counted = tmp_path / "out", []

    def interrupt(image):
        counted.append(image)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_counts(
            load_counter("dog"), unseen, out / "counts.csv", points=out, on_counted=interrupt
        )

    assert len(counted) == 1
    assert not out.exists()


def test_a_table_that_is_there_is_kept_unless_it_may_be_replaced(unseen, tmp_path):
    for name, table in (("counts.csv", "counts.csv"), ("points.csv", "new.csv")):
        (tmp_path / name).write_text("precious")
        with pytest.raises(OutputError, match=name) as caught:
            predict_counts(load_counter("dog"), unseen, tmp_path / table, points=tmp_path)
        assert "--overwrite" in caught.value.remedy
        assert (tmp_path / name).read_text() == "precious"
        (tmp_path / name).unlink()
    for _ in range(2):
        predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv", overwrite=True)
    assert (tmp_path / "counts.csv").read_text().startswith("image,count")


def test_points_are_written_in_the_form_that_is_read(unseen, real, tmp_path):
    predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv", points=tmp_path / "p")

    found = read_points(tmp_path / "p" / "points.csv")
    assert set(found) == {"test0.png", "test2.png"}
    (record,) = (record for record in real if record.name == "test2.png")
    assert len(found["test2.png"]) == 28
    distances = np.linalg.norm(found["test2.png"][:, None] - real.points(record), axis=2)
    assert distances.min(axis=0).max() < 1.0


@pytest.mark.parametrize("below", ["", "images"])
def test_found_points_never_become_the_labels_of_the_images(unseen, tmp_path, below):
    folder = tmp_path / "set"
    shutil.copytree(unseen, folder / below if below else folder)
    for place in (folder, folder / below):
        with pytest.raises(OutputError, match="beside the images"):
            predict_counts(load_counter("dog"), folder, tmp_path / "c.csv", points=place)


def test_every_region_has_a_row_of_its_own(draw_field, tmp_path):
    pixels, points = draw_field(30, 5)
    write_image(tmp_path / "images" / "a.tif", pixels)
    labels = np.full(pixels.shape, 300, dtype=np.uint16)
    labels[:64], labels[:10, :10] = 7, 0
    write_mask(tmp_path / "masks" / "a.png", labels)

    whole, upper, lower = predict_counts(
        load_counter("dog"), tmp_path / "images", tmp_path / "counts.csv", HALF,
        regions=tmp_path / "masks",
    )  # fmt: skip

    assert [row.region for row in (whole, upper, lower)] == ["all", "7", "300"]
    places = np.round(points).astype(int)
    expected = [(labels[tuple(places.T)] == label).sum() for label in (7, 300)]
    assert [upper.count, lower.count] == expected
    assert upper.area_mm2 == pytest.approx((64 * 128 - 100) * 0.0005**2)
    assert upper.per_mm2 == pytest.approx(upper.count / upper.area_mm2)
    assert upper.lower is upper.upper is None


def test_regions_that_cannot_be_told_are_an_error_and_no_zero(unseen, tmp_path):
    write_mask(tmp_path / "masks" / "test0.png", np.ones((128, 127), dtype=np.uint16))

    rows = predict_counts(
        load_counter("dog"), unseen, tmp_path / "counts.csv", regions=tmp_path / "masks"
    )

    told = [(row.image, row.region, row.count) for row in rows]
    assert told == [
        ("test0.png", "all", 4.0),
        ("test0.png", "", None),
        ("test1.png", "all", None),
        ("test2.png", "all", 28.0),
        ("test2.png", "", None),
    ]
    assert "(128, 127)" in rows[1].error
    assert "one label image test2.png" in rows[4].error


@pytest.mark.parametrize("option", ["regions", "points"])
def test_a_counter_without_centres_refuses_what_needs_them(unseen, tmp_path, option):
    model = CountingModel("c", ModelRecord(kind="constant"), ConstantCounter(1.0))

    with pytest.raises(SettingsError, match="does not say where") as caught:
        predict_counts(model, unseen, tmp_path / "counts.csv", **{option: tmp_path / "x"})

    assert f"--{option}" in caught.value.found


def test_a_diameter_reaches_the_counter_and_the_table(unseen, tmp_path):
    given = PredictSettings(diameter_px=11.0)

    rows = predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv", given)

    assert [row.diameter_px for row in rows] == [11.0, None, 11.0]
    model = CountingModel("c", ModelRecord(kind="constant"), ConstantCounter(1.0))
    with pytest.raises(SettingsError, match="cannot be told"):
        predict_counts(model, unseen, tmp_path / "none.csv", given)


def test_a_counter_of_one_size_is_flagged_at_another_pixel_size(unseen, tmp_path):
    model = CountingModel("c", ModelRecord(kind="constant", pixel_size_um=1), ConstantCounter(1.0))

    rows = predict_counts(model, unseen, tmp_path / "counts.csv", HALF)

    assert [row.flag for row in rows] == ["pixel size differs from training", "", "pixel size "
                                          "differs from training"]  # fmt: skip


def test_an_image_that_shows_nothing_is_flagged_as_blank(tmp_path):
    write_image(tmp_path / "in" / "a.png", np.full((64, 64), 0.5, np.float32))

    (row,) = predict_counts(load_counter("dog"), tmp_path / "in", tmp_path / "counts.csv")

    assert row.flag.startswith("blank: all pixels are alike")


def test_the_pixel_size_of_a_file_comes_before_the_given_one(draw_field, tmp_path):
    write_image(tmp_path / "in" / "a.tif", draw_field(3, 1)[0], pixel_size_um=0.25)

    (row,) = predict_counts(load_counter("dog"), tmp_path / "in", tmp_path / "counts.csv", HALF)

    assert row.pixel_size_um == pytest.approx(0.25)


def test_files_of_other_kinds_get_an_error_that_says_what_to_do(unseen, tmp_path):
    (unseen / "photo.JPG").write_bytes(b"\xff\xd8")
    (unseen / "scan.czi").write_bytes(b"ZISRAW")

    rows = predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv")

    errors = {row.image: row.error for row in rows if row.count is None}
    assert set(errors) == {"photo.JPG", "scan.czi", "test1.png"}
    assert "export it as TIFF or PNG" in errors["photo.JPG"]
    assert "export it as TIFF or PNG" in errors["scan.czi"]


def noisy_fields(draw_field, number, gain=1.0):
    generator = np.random.default_rng(number)
    for seed in range(number):
        pixels, points = draw_field(int(generator.integers(8, 40)), seed)
        blurred = np.clip((pixels - 0.1) * gain + 0.1, 0, 1).astype(np.float32)
        yield blurred, points


def test_images_unlike_those_of_training_are_flagged_in_words(draw_field, tmp_path):
    fields = list(noisy_fields(draw_field, 24))
    counts = [float(len(points)) for _, points in fields]
    known = known_images([pixels for pixels, _ in fields], counts, [10.0] * 24)
    record = ModelRecord(kind="constant", value=20, known=known)
    model = CountingModel("twenty", record, ConstantCounter(20.0))
    for number, (pixels, _) in enumerate(noisy_fields(draw_field, 2, gain=8.0)):
        write_image(tmp_path / "saturated" / f"{number}.png", pixels)
    for number, (pixels, _) in enumerate(fields[:9]):
        write_image(tmp_path / "alike" / f"{number}.png", pixels)

    strange = predict_counts(model, tmp_path / "saturated", tmp_path / "strange.csv")
    usual = predict_counts(model, tmp_path / "alike", tmp_path / "usual.csv")

    assert all("satur" in row.flag for row in strange)
    assert sum(bool(row.flag) for row in usual) <= 2


def test_the_flag_of_an_image_does_not_depend_on_its_neighbours(draw_field, tmp_path):
    fields = list(noisy_fields(draw_field, 24))
    counts = [float(len(points)) for _, points in fields]
    known = known_images([pixels for pixels, _ in fields], counts, [10.0] * 24)
    calibration = Calibration(residuals=(0.5,) * 10)
    record = ModelRecord(kind="constant", value=20, known=known, calibration=calibration)
    model = CountingModel("twenty", record, ConstantCounter(20.0))
    generator = np.random.default_rng(0)
    for number, (pixels, _) in enumerate(fields[:10]):
        grainy = np.clip(pixels + generator.normal(0, 0.15, pixels.shape), 0, 1)
        write_image(tmp_path / "grainy" / f"{number}.png", grainy.astype(np.float32))
    write_image(tmp_path / "grainy" / "usual.png", fields[0][0])
    write_image(tmp_path / "alone" / "usual.png", fields[0][0])

    *grainy, usual = predict_counts(model, tmp_path / "grainy", tmp_path / "counts.csv")
    (alone,) = predict_counts(model, tmp_path / "alone", tmp_path / "alone.csv")

    assert usual == alone
    assert usual.flag == ""
    assert usual.lower is not None
    # No interval holds where an image is unlike the training.
    assert all("more noise" in row.flag and row.lower is row.upper is None for row in grainy)


class Bright(torch.nn.Module):
    """A place is a cell as far as it is bright."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return torch.nn.functional.avg_pool2d(images, 2).clamp(min=0) ** 4 / (2 * torch.pi)


def test_a_large_image_gives_the_rows_of_the_same_image_in_memory(
    draw_field, tmp_path, monkeypatch
):
    pixels, _ = draw_field(30, 5)
    stored = np.rint(pixels * 65535).astype(np.uint16)
    labels = np.repeat(np.array([7, 300, 0, 1], dtype=np.uint16), 32)[:, None] * np.ones(128, "u2")
    for folder, values in (("images", stored), ("masks", labels)):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", values, tile=(32, 16), compression="deflate")
    counter = DensityCounter(Bright(), stride=2, reach=16, working_diameter=10.0, diameter_px=10.0)
    model = CountingModel("bright", ModelRecord(kind="centres"), counter)
    places, shown = [], []

    def count(name):
        places.append(tmp_path / name)
        return predict_counts(
            model, tmp_path / "images", tmp_path / name / "counts.csv", HALF,
            regions=tmp_path / "masks", points=tmp_path / name, on_counted=shown.append,
        )  # fmt: skip

    whole = count("whole")
    # The sample of so small an image is the image itself, so that the ranges are the same.
    monkeypatch.setattr("adaptoscope.images.large_images.WHOLE_PIXELS", 128 * 128 - 1)
    parts = count("parts")

    assert [type(each.image).__name__ for each in shown] == ["MicroscopyImage", "LargeImage"]
    assert parts == whole
    assert [row.region for row in whole] == ["all", "1", "7", "300"]
    assert whole[0].count > 20
    tables = [(place / "points.csv").read_text() for place in places]
    assert tables[0] == tables[1]


def test_a_file_is_let_go_after_it_was_counted(draw_field, tmp_path, monkeypatch):
    closed = []
    monkeypatch.setattr("adaptoscope.images.large_images.WHOLE_PIXELS", 100)
    monkeypatch.setattr(tifffile.TiffFile, "close", lambda file: closed.append(file))
    tifffile.imwrite(tmp_path / "a.tif", draw_field(3, 5)[0], tile=(32, 16))
    counter = DensityCounter(Bright(), stride=2, reach=16, working_diameter=10.0, diameter_px=10.0)
    model = CountingModel("bright", ModelRecord(kind="centres"), counter)

    predict_counts(
        model, tmp_path / "a.tif", tmp_path / "counts.csv",
        on_counted=lambda counted: closed.append(counted.image.name),
    )  # fmt: skip

    assert closed[0] == "a.tif"
    assert len(closed) == 2
