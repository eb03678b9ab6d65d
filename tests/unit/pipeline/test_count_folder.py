import imagecodecs
import numpy as np
import pytest
import tifffile
import torch

from adaptoscope.counting.baselines import ConstantCounter
from adaptoscope.counting.count_table import PredictedCount
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.errors import OutputError, SettingsError
from adaptoscope.images.files import write_image
from adaptoscope.pipeline.count_folder import CountOutputs, count_folder, summarise_counts

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
        pixels[20:30, 20:30] = 0.8
        write_image(folder / f"f{number}.png", pixels.clip(0, 1))
    (folder / "f9.png").write_bytes(b"broken")
    return folder


def test_everything_that_was_asked_for_is_written(images, tmp_path):
    out = tmp_path / "out"
    outputs = CountOutputs(out / "counts.csv", out / "p", out / "o", out / "plot.png")

    rows = count_folder(load_counter("dog"), images, outputs)

    written = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    assert written == {"counts.csv", "p/points.csv", "o/f0.png", "o/f1.png", "o/f2.png",
                       "plot.png"}  # fmt: skip
    assert [row.count for row in rows] == [1.0, 1.0, 1.0, None]
    assert imagecodecs.png_decode((out / "plot.png").read_bytes()).ndim == 3


def test_nothing_but_the_table_is_written_unasked(images, tmp_path):
    count_folder(CONSTANT, images, CountOutputs(tmp_path / "out" / "counts.csv"))
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["counts.csv"]


def test_overlays_need_centres(images, tmp_path):
    outputs = CountOutputs(tmp_path / "out" / "counts.csv", overlays=tmp_path / "out" / "o")
    with pytest.raises(SettingsError, match="does not say where"):
        count_folder(CONSTANT, images, outputs)
    assert not (tmp_path / "out").exists()


def test_a_plot_is_a_png_that_is_not_written_over(images, tmp_path):
    table, plot = tmp_path / "counts.csv", tmp_path / "plot.png"
    with pytest.raises(OutputError, match=r"plot\.svg"):
        count_folder(CONSTANT, images, CountOutputs(table, plot=tmp_path / "plot.svg"))
    plot.write_text("precious")
    with pytest.raises(OutputError, match=r"plot\.png"):
        count_folder(CONSTANT, images, CountOutputs(table, plot=plot))
    assert plot.read_text() == "precious"
    count_folder(CONSTANT, images, CountOutputs(table, plot=plot, overwrite=True))
    assert plot.read_bytes().startswith(b"\x89PNG")


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
    counter = DensityCounter(Bright(), stride=2, reach=16, working_diameter=12.0, diameter_px=12.0)
    model = CountingModel("bright", ModelRecord(kind="centres"), counter)
    for module in ("reporting.overlays", "pipeline.count_folder"):
        monkeypatch.setattr(f"adaptoscope.{module}.LONGEST", 60)

    shown = []
    for name, limit in (("memory", 10**6), ("disk", 1000)):
        monkeypatch.setattr("adaptoscope.images.large_images.WHOLE_PIXELS", limit)
        outputs = CountOutputs(tmp_path / name / "counts.csv", overlays=tmp_path / name)
        (row,) = count_folder(model, tmp_path / "a.tif", outputs)
        assert row.count >= 3
        shown.append(imagecodecs.png_decode((tmp_path / name / "a.png").read_bytes()))

    np.testing.assert_array_equal(*shown)
