import csv

import numpy as np
import pytest
import tifffile

from adaptoscope.counting.predict import count_image
from adaptoscope.datasets.point_tables import read_points
from adaptoscope.errors import OutputError, SettingsError
from adaptoscope.imageio.files import read_image
from adaptoscope.images.cell_centres import check_points, clamped
from adaptoscope.images.cell_intensities import cell_intensities
from adaptoscope.pipeline.count_folder import count_folder

CENTRES = [(row, column) for row in (20, 60, 99) for column in (20, 60, 99)]


def discs(height):
    rows, columns = np.mgrid[:100, :100]
    pixels = np.random.default_rng(0).normal(1000, 30, (100, 100))
    for row, column in CENTRES:
        pixels += height * (np.hypot(rows - row, columns - column) < 6)
    return pixels.astype(np.uint16)


def table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    tifffile.imwrite(
        folder / "a.ome.tif",
        np.stack([discs(5000), discs(800)]),
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "Ki67"]}},
        ome=True,
    )
    return folder


def test_each_cell_has_a_row_and_each_channel_a_column(images, tmp_path):
    out = tmp_path / "out"
    found = count_folder(
        images, out=out / "counts.csv", cells=out / "cells.csv", points=out / "p", channel=0
    )
    rows = table(out / "cells.csv")
    assert list(rows[0]) == [
        "image", "row", "col", "diameter_px", "sharpness", "ring_px", "mean_DAPI", "mean_Ki67",
    ]  # fmt: skip
    assert len(rows) == found.rows[0].count == 9
    points = read_points(out / "p" / "points.csv")["a.ome.tif"]
    assert [[float(row["row"]), float(row["col"])] for row in rows] == points.tolist()
    for name, channel in (("mean_DAPI", 0), ("mean_Ki67", 1)):
        stored = read_image(images / "a.ome.tif", channel=channel).stored
        expected = cell_intensities(stored, points, found.rows[0].diameter_px)
        assert [float(row[name]) for row in rows] == pytest.approx(expected.mean, abs=1e-3)
    assert float(rows[0]["mean_DAPI"]) > 3 * float(rows[0]["mean_Ki67"])


def test_an_image_of_one_channel_has_one_mean(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", discs(5000))
    tifffile.imwrite(folder / "empty.tif", np.full((100, 100), 7, np.uint16))
    (folder / "broken.tif").write_bytes(b"broken")
    count_folder(folder, cells=tmp_path / "cells.csv", model="dog")
    rows = table(tmp_path / "cells.csv")
    assert {row["image"] for row in rows} == {"a.tif"}
    assert list(rows[0])[-1] == "mean"
    assert {row["sharpness"] for row in rows} == {""}


def test_where_the_table_cannot_be_written_is_said_first(images, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        count_folder(images, cells=images / "a.ome.tif", channel=0, overwrite=True)
    (tmp_path / "cells.csv").write_text("mine")
    with pytest.raises(OutputError, match="there already"):
        count_folder(images, cells=tmp_path / "cells.csv", channel=0)
    assert (tmp_path / "cells.csv").read_text() == "mine"


def test_a_counter_without_centres_has_no_cells(images, tmp_path):
    from adaptoscope.counting.baselines import ConstantCounter
    from adaptoscope.counting.model_folder import CountingModel, ModelRecord

    constant = CountingModel("c", ModelRecord(kind="constant"), ConstantCounter(5.0))
    with pytest.raises(SettingsError, match="--cells"):
        count_folder(images, cells=tmp_path / "cells.csv", model=constant, channel=0)


def test_centres_of_cells_at_the_border_lie_inside(tmp_path):
    pixels = discs(5000)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    points = count_folder(tmp_path / "a.tif", points=tmp_path / "p")
    assert points.rows[0].count == 9
    written = read_points(tmp_path / "p" / "points.csv")["a.tif"]
    check_points(written, pixels.shape)


def test_clamping_moves_only_what_lies_outside():
    points = np.array([[-3.0, 5.0], [9.6, 9.4], [4.0, 4.0]])
    moved = clamped(points, (10, 10))
    assert moved.tolist() == [[-0.5, 5.0], [9.49, 9.4], [4.0, 4.0]]
    check_points(np.round(moved, 2), (10, 10))


def test_the_front_door_gives_the_points_that_are_written(tmp_path):
    from adaptoscope.counting.model_folder import load_counter
    from adaptoscope.imageio.microscopy_image import image_of_array

    pixels = discs(5000)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    count_folder(tmp_path / "a.tif", points=tmp_path / "p")
    written = read_points(tmp_path / "p" / "points.csv")["a.tif"]
    counted = count_image(load_counter("nuclei"), image_of_array(pixels))
    assert np.round(counted.found.points, 2).tolist() == written.tolist()
