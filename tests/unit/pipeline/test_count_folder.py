import csv
import errno
import sys

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch

from adaptoscope.counting.baselines import ConstantCounter
from adaptoscope.counting.count_table import PredictedCount, summarise_counts
from adaptoscope.counting.counter_source import StoredCounter
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord
from adaptoscope.counting.out_of_distribution import known_images
from adaptoscope.datasets.point_tables import read_points
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.imageio.files import read_image, write_image, write_mask
from adaptoscope.networks.geometry import Geometry
from adaptoscope.networks.torch_network import TorchNetwork
from adaptoscope.pipeline.count_folder import count_folder

CONSTANT = CountingModel("c", ModelRecord(kind="constant"), ConstantCounter(5.0))


class Bright(torch.nn.Module):
    """A place is a cell as far as it is bright."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return torch.nn.functional.avg_pool2d(images, 2).clamp(min=0) ** 4 / (2 * torch.pi)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "in"
    for number in range(3):
        pixels = np.random.default_rng(number).normal(0.1, 0.01, (64, 96))
        rows, columns = np.mgrid[:64, :96]
        pixels += 0.7 * np.exp(-((rows - 25) ** 2 + (columns - 25) ** 2) / 18.0)
        write_image(folder / f"f{number}.png", pixels.clip(0, 1))
    (folder / "f9.png").write_bytes(b"broken")
    return folder


@pytest.fixture
def places(tmp_path):
    out = tmp_path / "out"
    return {"out": out / "counts.csv", "points": out / "p", "overlays": out / "o",
            "plot": out / "plot.png"}  # fmt: skip


def contents(folder):
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_everything_that_was_asked_for_is_written(images, places, tmp_path):
    counted = count_folder(images, model="dog", **places)

    assert set(contents(tmp_path / "out")) == {"counts.csv", "p/points.csv", "o/f0.png",
                                               "o/f1.png", "o/f2.png", "plot.png"}  # fmt: skip
    assert [row.count for row in counted.rows] == [1.0, 1.0, 1.0, None]
    assert (counted.counter, counted.summary.failed) == ("dog", 1)
    assert counted.places["plot"] == places["plot"]
    assert imagecodecs.png_decode(places["plot"].read_bytes()).ndim == 3
    assert set(read_points(places["points"] / "points.csv")) == {"f0.png", "f1.png", "f2.png"}


def test_nothing_but_the_table_is_written_unasked(images, tmp_path):
    count_folder(images, model=CONSTANT, out=tmp_path / "out" / "counts.csv")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["counts.csv"]


def test_without_a_table_nothing_is_written(images, tmp_path):
    before = contents(tmp_path)
    assert len(count_folder(images, model="dog").rows) == 4
    assert contents(tmp_path) == before


@pytest.mark.parametrize("option", ["overlays", "points", "regions"])
def test_what_needs_centres_is_refused_where_there_are_none(images, tmp_path, option):
    (tmp_path / "there").mkdir()
    with pytest.raises(SettingsError, match="does not say where") as caught:
        count_folder(images, model=CONSTANT, **{option: tmp_path / "there"})
    assert f"--{option}" in caught.value.found


def test_nothing_is_loaded_for_a_call_that_cannot_be(images, tmp_path, monkeypatch):
    (tmp_path / "taken.csv").write_text("precious")
    for heavy in ("counting.count_files", "pipeline.count_pictures", "counting.model_folder"):
        monkeypatch.setitem(sys.modules, f"adaptoscope.{heavy}", None)
    wrong = [
        ({"images": tmp_path / "absent"}, InputError),
        ({"model": tmp_path / "absent"}, InputError),
        ({"regions": tmp_path / "absent"}, InputError),
        ({"out": tmp_path / "taken.csv"}, OutputError),
        ({"out": tmp_path}, OutputError),
        ({"diameter_px": -1.0}, SettingsError),
        ({"edges": "maybe"}, SettingsError),
    ]
    for options, kind in wrong:
        with pytest.raises(kind):
            count_folder(**{"images": images, "model": "dog", **options})


def test_what_is_the_same_for_all_images_is_said_once(draw_many, tmp_path):
    fields = draw_many(24)
    known = known_images([pixels for pixels, _ in fields], [n for _, n in fields], [10.0] * 24)
    record = ModelRecord(kind="constant", value=20, known=known)
    model = CountingModel("twenty", record, ConstantCounter(20.0))
    generator = np.random.default_rng(0)
    for number, (pixels, _) in enumerate(fields[:10]):
        grainy = np.clip(pixels + generator.normal(0, 0.15, pixels.shape), 0, 1)
        write_image(tmp_path / "grainy" / f"{number}.png", grainy.astype(np.float32))

    together = count_folder(tmp_path / "grainy", model=model)
    (alone,) = count_folder(tmp_path / "grainy" / "3.png", model=model).rows

    assert together.summary.another_kind.startswith("another kind of images: ")
    assert together.summary.as_text()["all_images"] == together.summary.another_kind
    assert not any("another kind" in row.flag for row in together.rows)
    assert together.rows[3] == alone


@pytest.fixture
def draw_many():
    def draw(number):
        fields = []
        for seed in range(number):
            generator = np.random.default_rng(seed)
            pixels = generator.normal(0.1, 0.01, (128, 128))
            cells = int(generator.integers(8, 40))
            for row, column in generator.integers(8, 120, (cells, 2)):
                pixels[row - 4 : row + 5, column - 4 : column + 5] = 0.8
            fields.append((pixels.clip(0, 1).astype(np.float32), float(cells)))
        return fields

    return draw


def test_workers_change_no_byte(images, places, tmp_path):
    count_folder(images, model="dog", **places)
    expected = contents(tmp_path / "out")

    count_folder(images, model="dog", workers=3, overwrite=True, **places)

    assert contents(tmp_path / "out") == expected


def test_a_loaded_counter_stays_in_its_process(images):
    with pytest.raises(SettingsError, match="loaded already"):
        count_folder(images, model=CONSTANT, workers=2)


def stopped_after(number, monkeypatch, error):
    """Let writing fail after some files, as it does when a disk is full."""
    from adaptoscope.counting.count_records import CountRecords

    write, written = CountRecords.write, []

    def stop(records, image, record):
        if len(written) == number:
            raise error
        written.append(image.name)
        write(records, image, record)

    monkeypatch.setattr(CountRecords, "write", stop)
    return written


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["full", "interrupt"])
def test_a_stopped_count_goes_on_and_gives_the_same_files(
    images, places, tmp_path, monkeypatch, error
):
    count_folder(images, model="dog", **places)
    expected = contents(tmp_path / "out")
    for file in sorted((tmp_path / "out").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    said = []
    with monkeypatch.context() as patch:
        stopped_after(2, patch, error)
        with pytest.raises((OutputError, KeyboardInterrupt)) as caught:
            count_folder(images, model="dog", **places)
    assert "2 of 4 images are counted and kept; the same command goes on" in str(caught.value)
    assert not places["out"].exists()

    with monkeypatch.context() as patch:
        again = stopped_after(99, patch, error)
        count_folder(images, model="dog", say=said.append, **places)

    assert said == ["2 of 4 images were counted before; going on."]
    assert again == ["f2.png", "f9.png"]
    assert contents(tmp_path / "out") == expected


def begin(images, places, monkeypatch):
    with monkeypatch.context() as patch:
        stopped_after(2, patch, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            count_folder(images, model="dog", **places)


def test_an_unfinished_count_with_other_settings_is_kept(images, places, tmp_path, monkeypatch):
    begin(images, places, monkeypatch)
    before = contents(tmp_path / "out")
    for other in ({"diameter_px": 9.0}, {"model": "otsu_watershed"}, {"plot": None},
                  {"images": images / "f0.png"}, {"model": CONSTANT, "points": None,
                                                  "overlays": None}):  # fmt: skip
        with pytest.raises(OutputError, match="begun and not finished") as caught:
            count_folder(**{"images": images, "model": "dog", **places, **other})
        assert next(iter(other)).removesuffix("_px") in caught.value.found
    assert contents(tmp_path / "out") == before

    count_folder(images, model="dog", diameter_px=9.0, overwrite=True, **places)
    assert not list((tmp_path / "out").glob(".*"))


def test_an_image_that_changed_is_counted_again(images, places, monkeypatch):
    begin(images, places, monkeypatch)
    write_image(images / "f0.png", np.full((64, 96), 0.1, np.float32))
    (places["overlays"] / "f1.png").unlink()

    with monkeypatch.context() as patch:
        again = stopped_after(99, patch, None)
        count_folder(images, model="dog", **places)

    assert again == ["f0.png", "f1.png", "f2.png", "f9.png"]
    (first, *_) = csv.DictReader(places["out"].open())
    assert first["count"] == "0"


def test_a_record_that_is_cut_short_is_counted_again(images, places, monkeypatch):
    begin(images, places, monkeypatch)
    for record in places["out"].with_name(".counts.csv.unfinished").glob("*.json"):
        if record.name != "settings.json":
            record.write_bytes(record.read_bytes()[:40])
    with monkeypatch.context() as patch:
        again = stopped_after(99, patch, None)
        count_folder(images, model="dog", **places)
    assert again == ["f0.png", "f1.png", "f2.png", "f9.png"]


def test_images_of_several_folders_have_names_of_their_own(images, tmp_path):
    other = tmp_path / "day2"
    write_image(other / "f0.png", np.full((32, 32), 0.5, np.float32))
    labels = np.ones((64, 96), np.uint16)
    write_mask(tmp_path / "masks" / "in" / "f0.png", labels)
    write_mask(tmp_path / "masks" / "f1.png", labels)

    counted = count_folder(
        [images / "f1.png", other, images], model="dog", overlays=tmp_path / "o",
        regions=tmp_path / "masks", out=tmp_path / "counts.csv",
    )  # fmt: skip

    whole = [row for row in counted.rows if row.region == "all"]
    assert [row.image for row in whole] == ["f1.png", "day2/f0.png", "in/f0.png", "f2.png",
                                            "f9.png"]  # fmt: skip
    found = {row.image for row in counted.rows if row.region == "1"}
    assert found == {"f1.png", "in/f0.png"}
    names = {file.name for file in (tmp_path / "o").iterdir()}
    assert names == {"f1.png", "day2_f0.png", "in_f0.png", "f2.png"}


def test_a_bad_image_costs_no_other(images, monkeypatch):
    from adaptoscope.counting import predict

    usual = predict.count_image

    def fail(model, image, settings):
        if image.name == "f1.png":
            raise MemoryError
        return usual(model, image, settings)

    monkeypatch.setattr(predict, "count_image", fail)
    counted = count_folder(images, model="dog")
    assert [row.count for row in counted.rows] == [1.0, None, 1.0, None]
    assert counted.rows[1].error == "There is not enough memory for this image."
    assert counted.summary.failed == 2


def test_found_points_never_become_the_labels_of_the_images(images, tmp_path):
    folder = images.rename(tmp_path / "images")
    for place in (folder, tmp_path):
        with pytest.raises(OutputError, match="beside the images"):
            count_folder(tmp_path if place == tmp_path else folder, model="dog", points=place)
    before = contents(folder)
    with pytest.raises(OutputError, match="beside the images"):
        count_folder(folder, model="dog", overlays=folder, overwrite=True)
    assert contents(folder) == before


def test_the_summary_leaves_out_regions_and_failures():
    rows = [
        PredictedCount("a", 10.0, flag="look", per_mm2=100.0, diameter_px=12.0),
        PredictedCount("a", 4.0, region="1"),
        PredictedCount("b", 20.0, per_mm2=300.0, diameter_px=14.0),
        PredictedCount("b", None, region="", error="no mask"),
        PredictedCount("c", error="broken"),
    ]
    summary = summarise_counts(rows)
    assert summary.as_dict() == {
        "images": 3, "failed": 2, "flagged": 1, "cells": 30.0, "median_count": 15.0,
        "median_diameter_px": 13.0, "median_per_mm2": 200.0,
        "another_kind": "",
    }  # fmt: skip
    assert summary.as_text() == {
        "images": "3 (2 failed, 1 flagged)",
        "cells": "30 in all, 15 per image (median)",
        "density": "200 cells per mm2 (median)",
        "cell_diameter": "13 pixels (median)",
    }
    unsized = summarise_counts([*rows, PredictedCount("d", 1.0)])
    assert unsized.as_text()["no_density"].startswith("1 image(s) without a pixel size")
    assert unsized.as_dict().keys() == summary.as_dict().keys()
    nothing = summarise_counts([PredictedCount("c", error="broken")])
    assert nothing.as_text() == {"images": "1 (1 failed, 0 flagged)", "cells": "0 in all"}


def test_the_overlay_of_a_large_image_is_that_of_the_same_image_in_memory(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).normal(30, 3, (252, 384))
    for row, column in ((60, 90), (180, 300), (200, 40)):
        pixels[row - 6 : row + 6, column - 6 : column + 6] = 200
    tifffile.imwrite(tmp_path / "a.tif", pixels.astype(np.uint8), tile=(64, 64))
    counter = DensityCounter(
        TorchNetwork(Bright()), geometry=Geometry(2, 16), working_diameter=12.0, diameter_px=12.0
    )
    model = CountingModel("bright", ModelRecord(kind="centres", diameter_px=12.0), counter)
    for module in ("reporting.overlays", "pipeline.count_pictures"):
        monkeypatch.setattr(f"adaptoscope.{module}.LONGEST", 60)

    shown = []
    for name, limit in (("memory", 10**6), ("disk", 1000)):
        monkeypatch.setattr("adaptoscope.imageio.large_images.WHOLE_PIXELS", limit)
        (row,) = count_folder(tmp_path / "a.tif", model=model, overlays=tmp_path / name).rows
        assert row.count >= 3
        shown.append(imagecodecs.png_decode((tmp_path / name / "a.png").read_bytes()))

    np.testing.assert_array_equal(*shown)


def test_a_counter_is_known_by_what_it_computes_with(tmp_path):
    for name, text in (("model.json", '{"kind": "centres"}'), ("network.onnx", "a")):
        (tmp_path / name).write_text(text)
    source = StoredCounter(str(tmp_path))
    first = source.identity()
    (tmp_path / "README.md").write_text("card")
    assert source.identity() == first
    (tmp_path / "network.onnx").write_text("b")
    assert source.identity() != first


def test_a_start_that_fails_blocks_no_other(images, places):
    with pytest.raises(SettingsError, match="cannot be used"):
        count_folder(images, device="mps", **places)

    counted = count_folder(images, model="dog", **places)

    assert len(counted.rows) == 4


def test_files_given_one_by_one_are_told_apart_by_their_channels(images, tmp_path):
    site = tmp_path / "plate"
    pixels = read_image(images / "f0.png").pixels
    for name in ("A01_s1_w1.png", "A01_s1_w2.png", "A01_s2_w1.png", "A01_s2_w2.png"):
        write_image(site / name, pixels)

    with pytest.raises(InputError, match="channels of each site"):
        count_folder(sorted(site.iterdir()), model="dog")
    counted = count_folder(sorted(site.iterdir()), model="dog", channel=1)

    assert [row.image for row in counted.rows] == ["A01_s1_w1.png", "A01_s2_w1.png"]
    assert all(row.count == 1 for row in counted.rows)


def test_names_that_are_nothing_but_a_number_are_no_channels(images, tmp_path):
    wells = tmp_path / "wells"
    for number in (1, 2, 3):
        write_image(wells / f"w{number}.png", read_image(images / "f0.png").pixels)
    assert len(count_folder(wells, model="dog").rows) == 3


@pytest.mark.parametrize("diameter", [11.9, 12.0])
def test_a_diameter_that_is_given_was_not_to_be_measured(images, diameter):
    first, *_ = count_folder(images, diameter_px=diameter).rows
    assert "not measured" not in first.flag
    assert first.diameter_px == diameter


@pytest.fixture
def bright():
    counter = DensityCounter(
        TorchNetwork(Bright()), geometry=Geometry(2, 16), working_diameter=12.0, diameter_px=12.0
    )
    return CountingModel("bright", ModelRecord(kind="centres", diameter_px=12.0), counter)


def test_centres_of_a_density_tell_how_sharp_they_are(images, bright, tmp_path):
    count_folder(images, model=bright, points=tmp_path / "p")

    with (tmp_path / "p" / "points.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["image", "x", "y", "sharpness"]
    assert [float(row["sharpness"]) for row in rows] == [1.0] * 3
    assert set(read_points(tmp_path / "p" / "points.csv")) == {"f0.png", "f1.png", "f2.png"}


def test_two_hand_counts_say_what_counts(images, bright, tmp_path):
    for name in ("f0.png", "f1.png"):
        pixels = read_image(images / name).pixels.copy()
        rows, columns = np.mgrid[:64, :96]
        pixels += 0.7 * np.exp(-((rows + 2) ** 2 + (columns - 70) ** 2) / 18.0)
        write_image(images / name, pixels.clip(0, 1))
    table = tmp_path / "check.csv"
    table.write_text("image,hand_count,reason\nf0.png,1,\nf1.png,1,\nf2.png,,\n")

    before = count_folder(images, model=bright)
    after = count_folder(images, model=bright, calibrated_by=table)
    told = count_folder(images, model=bright, calibrated_by=table, edges="visible")

    assert [row.count for row in before.rows[:2]] == [2, 2]
    assert [row.count for row in after.rows[:3]] == [1, 1, 1]
    assert after.calibrated.reading.edges == "centres"
    assert after.calibrated.error_after == 0
    assert told.calibrated.reading.edges == "visible"
    assert before.calibrated is None


def test_adapting_and_calibrating_at_once_is_refused(images, tmp_path):
    (tmp_path / "check.csv").write_text("image,hand_count\nf0.png,1\nf1.png,1\n")

    with pytest.raises(SettingsError, match="adapted without labels, or calibrated"):
        count_folder(images, adapt=tmp_path / "a", calibrated_by=tmp_path / "check.csv")
