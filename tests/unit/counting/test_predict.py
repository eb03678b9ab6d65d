import csv
import shutil

import numpy as np
import pytest
import tifffile
import torch

from adaptoscope.counting.baselines import ConstantCounter
from adaptoscope.counting.calibration import Calibration
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.images_to_count import FileToCount
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.counting.out_of_distribution import known_images
from adaptoscope.counting.predict import LONGEST_ERROR, count_file, said_of
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.imageio.files import write_image, write_mask
from adaptoscope.networks.geometry import Geometry
from adaptoscope.networks.torch_network import TorchNetwork
from tests.unit.counting.counted_rows import predict_counts

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


def test_a_table_that_is_there_is_kept_unless_it_may_be_replaced(unseen, tmp_path):
    (tmp_path / "counts.csv").write_text("precious")
    with pytest.raises(OutputError, match=r"counts\.csv") as caught:
        predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv")
    assert "--overwrite" in caught.value.remedy
    assert (tmp_path / "counts.csv").read_text() == "precious"
    for _ in range(2):
        predict_counts(load_counter("dog"), unseen, tmp_path / "counts.csv", overwrite=True)
    assert (tmp_path / "counts.csv").read_text().startswith("image,count")


def test_every_region_has_a_row_of_its_own(draw_field, tmp_path):
    pixels, points = draw_field(30, 5)
    write_image(tmp_path / "images" / "a.tif", pixels)
    labels = np.full(pixels.shape, 300, dtype=np.uint16)
    labels[:64], labels[:10, :10] = 7, 0
    write_mask(tmp_path / "masks" / "a.png", labels)

    file = FileToCount("a.tif", tmp_path / "images" / "a.tif")
    found = count_file(load_counter("dog"), file, HALF, regions=tmp_path / "masks")
    whole, upper, lower = found.rows

    assert [row.region for row in (whole, upper, lower)] == ["all", "7", "300"]
    places = np.round(points).astype(int)
    expected = [(labels[tuple(places.T)] == label).sum() for label in (7, 300)]
    assert [upper.count, lower.count] == expected
    assert upper.area_mm2 == pytest.approx((64 * 128 - 100) * 0.0005**2)
    assert upper.per_mm2 == pytest.approx(upper.count / upper.area_mm2)
    assert upper.lower is upper.upper is None


def test_regions_that_cannot_be_told_are_an_error_and_no_zero(unseen, tmp_path):
    write_mask(tmp_path / "masks" / "test0.png", np.ones((128, 127), dtype=np.uint16))

    files = [FileToCount(f"test{n}.png", unseen / f"test{n}.png") for n in range(3)]
    how = {"settings": PredictSettings(), "regions": tmp_path / "masks"}
    rows = [row for file in files for row in count_file(load_counter("dog"), file, **how).rows]

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
    assert row.flag == "pixel size 0.25 um from the file, while --pixel-size-um says 0.5 um"


def test_pixels_that_are_not_square_count_with_both_edges(draw_field, tmp_path):
    pixels = (draw_field(3, 1)[0] * 255).astype(np.uint8)
    (tmp_path / "in").mkdir()
    tifffile.imwrite(
        tmp_path / "in" / "a.tif", pixels, imagej=True, resolution=(2, 4), metadata={"unit": "um"}
    )
    (row,) = predict_counts(load_counter("dog"), tmp_path / "in", tmp_path / "counts.csv")
    assert row.area_mm2 == pytest.approx(pixels.size * 0.5e-3 * 0.25e-3, rel=1e-4)
    assert row.per_mm2 == pytest.approx(row.count / row.area_mm2)
    assert row.flag == "pixels are not square: 0.25 x 0.5 um (height x width)"


def test_a_pixel_size_that_is_not_used_is_said_and_may_be_given(draw_field, tmp_path):
    pixels = (draw_field(3, 1)[0] * 255).astype(np.uint8)
    (tmp_path / "in").mkdir()
    camera = (1e4 / 6.45, 1e4 / 6.45)
    tifffile.imwrite(
        tmp_path / "in" / "a.tif", pixels, resolution=camera, resolutionunit="centimeter"
    )
    (row,) = predict_counts(load_counter("dog"), tmp_path / "in", tmp_path / "counts.csv")
    assert (row.per_mm2, row.area_mm2, row.pixel_size_um) == (None, None, None)
    assert "camera" in row.flag
    (row,) = predict_counts(load_counter("dog"), tmp_path / "in", tmp_path / "b.csv", HALF)
    assert (row.pixel_size_um, row.flag) == (0.5, "")


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


@pytest.fixture
def bright():
    counter = DensityCounter(
        TorchNetwork(Bright()), geometry=Geometry(2, 16), working_diameter=10.0, diameter_px=10.0
    )
    return CountingModel("bright", ModelRecord(kind="centres"), counter)


def test_a_large_image_gives_the_rows_of_the_same_image_in_memory(
    draw_field, tmp_path, monkeypatch, bright
):
    pixels, _ = draw_field(30, 5)
    stored = np.rint(pixels * 65535).astype(np.uint16)
    labels = np.repeat(np.array([7, 300, 0, 1], dtype=np.uint16), 32)[:, None] * np.ones(128, "u2")
    for folder, values in (("images", stored), ("masks", labels)):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", values, tile=(32, 16), compression="deflate")
    shown = []

    def keep(counted):
        shown.append(type(counted.image).__name__)
        return b""

    def count():
        file = FileToCount("a.tif", tmp_path / "images" / "a.tif")
        return count_file(bright, file, HALF, regions=tmp_path / "masks", draw=keep)

    whole = count()
    # The sample of so small an image is the image itself, so that the ranges are the same.
    monkeypatch.setattr("adaptoscope.imageio.large_images.WHOLE_PIXELS", 128 * 128 - 1)
    parts = count()

    assert shown == ["MicroscopyImage", "LargeImage"]
    assert parts.rows == whole.rows
    assert [row.region for row in whole.rows] == ["all", "1", "7", "300"]
    assert whole.rows[0].count > 20
    np.testing.assert_array_equal(parts.points, whole.points)


def test_a_file_is_let_go_after_it_was_counted(draw_field, tmp_path, monkeypatch, bright):
    closed = []
    monkeypatch.setattr("adaptoscope.imageio.large_images.WHOLE_PIXELS", 100)
    monkeypatch.setattr(tifffile.TiffFile, "close", lambda file: closed.append(file))
    tifffile.imwrite(tmp_path / "a.tif", draw_field(3, 5)[0], tile=(32, 16))

    def note(counted):
        closed.append(counted.image.name)
        return b""

    count_file(bright, FileToCount("a.tif", tmp_path / "a.tif"), PredictSettings(), draw=note)

    assert closed[0] == "a.tif"
    assert len(closed) == 2


UNFORESEEN = [MemoryError(), ValueError("x" * 400), RecursionError("deep"), OSError(5, "I/O")]


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
def test_what_nobody_foresaw_costs_one_image_only(unseen, monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("adaptoscope.counting.predict.count_image", fail)
    file = FileToCount("test0.png", unseen / "test0.png")

    (row,) = count_file(load_counter("dog"), file, PredictSettings()).rows

    assert (row.image, row.count, row.model) == ("test0.png", None, "dog")
    assert 5 < len(row.error) <= LONGEST_ERROR


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit])
def test_who_wants_to_leave_may(unseen, monkeypatch, leaving):
    def leave(*arguments, **options):
        raise leaving

    monkeypatch.setattr("adaptoscope.counting.predict.count_image", leave)
    with pytest.raises(leaving):
        count_file(load_counter("dog"), FileToCount("a", unseen / "test0.png"), PredictSettings())


def test_a_picture_that_fails_costs_no_count(unseen, capfd, monkeypatch):
    monkeypatch.setenv("ADAPTOSCOPE_TRACEBACK", "1")

    def draw(counted):
        raise RuntimeError("no ink")

    file = FileToCount("test0.png", unseen / "test0.png")
    found = count_file(load_counter("dog"), file, PredictSettings(), draw=draw)

    assert (found.rows[0].count, found.picture) == (4.0, None)
    assert found.rows[0].error == "no overlay: unforeseen fault, RuntimeError: no ink"
    assert len(found.points) == 4
    assert "Traceback" in capfd.readouterr().err


def test_an_error_is_one_line_that_ends_with_the_remedy():
    remedy = "mend it, " * 20 + "or else"
    error = InputError("Broken.", expected="a" * 90, found="\x1b]0;x" + "b" * 650, remedy=remedy)

    said = said_of(error)

    assert LONGEST_ERROR - 10 < len(said) <= LONGEST_ERROR
    assert said.startswith(f"Broken. expected: {'a' * 90}; found: \\x1b]0;xbbb")
    assert "bbb…bbb" in said
    assert said.endswith(f"; remedy: {remedy}")


@pytest.mark.parametrize("length", [100, 300, 690])
def test_however_long_its_parts_are_an_error_is_short(length):
    parts = {name: name[0] * length for name in ("expected", "found", "remedy")}
    said = said_of(InputError("s" * length, **parts))
    assert len(said) <= LONGEST_ERROR
    assert [name for name in parts if f"{name}: {name[0] * 30}" in said] == list(parts)
