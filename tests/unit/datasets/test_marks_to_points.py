"""The script of the page "Marking cells", on files as the three programs write them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.point_tables import read_points
from adaptoscope.imageio.files import write_image, write_text

SCRIPT = Path(__file__).parents[3] / "docs" / "marks_to_points.py"
CELLS = [(2.0, 1.0), (5.0, 7.0)]  # (row, column)

NAPARI = "index,axis-0,axis-1\n" + "".join(f"{i}.0,{r},{c}\n" for i, (r, c) in enumerate(CELLS))
MARKERS = "".join(
    f"<Marker>\r\n<MarkerX>{c:.0f}</MarkerX>\r\n<MarkerY>{r:.0f}</MarkerY>\r\n"
    "<MarkerZ>1</MarkerZ>\r\n</Marker>"
    for r, c in CELLS
)
CELL_COUNTER = (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<CellCounter_Marker_File>\r\n'
    "<Image_Properties><Image_Filename>a.tif</Image_Filename></Image_Properties>\r\n"
    "<Marker_Data><Current_Type>0</Current_Type><Marker_Type><Type>1</Type>"
    f"{MARKERS}</Marker_Type></Marker_Data>\r\n</CellCounter_Marker_File>\r\n"
)


def geojson(geometry: str, coordinates: list[list[float]]) -> str:
    feature = {
        "type": "Feature",
        "geometry": {"type": geometry, "coordinates": coordinates},
        "properties": {"objectType": "annotation"},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


QUPATH = geojson("MultiPoint", [[c + 0.5, r + 0.5] for r, c in CELLS])


@pytest.fixture
def labelled(tmp_path):
    for name in ("a.tif", "none.tif", "unmarked.tif"):
        write_image(tmp_path / name, np.zeros((12, 9), np.uint8))
    write_text(tmp_path / "marks" / "none.csv", "index,axis-0,axis-1\n")
    return tmp_path


def join(folder, *options):
    command = [sys.executable, SCRIPT, folder, *options]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", NAPARI), ("a.geojson", QUPATH), ("CellCounter_a.xml", CELL_COUNTER)],
)
def test_marks_become_a_set_that_is_read(labelled, name, text):
    write_text(labelled / "marks" / name, text)
    assert "2 images of 3 marked, 2 cells" in join(labelled).stdout
    opened = open_counted_images(labelled)
    marked, empty = opened
    assert opened.points(marked).tolist() == [list(cell) for cell in CELLS]
    assert (empty.stem, empty.labelled, len(opened.points(empty))) == ("none", True, 0)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.geojson", geojson("Polygon", [[0, 0]]), "expected points, found a Polygon"),
        ("a.csv", "index,axis-0,axis-1,axis-2\n", "expected the columns axis-0 and axis-1"),
        ("b.csv", NAPARI, "no image b.tif"),
        ("a.geojson", QUPATH[:40], "a.geojson: the marks cannot be read (JSONDecodeError"),
        ("a.geojson", '{"features": [{"geometry": null}]}', "cannot be read (TypeError"),
        ("a.csv", "index,axis-0,axis-1\n0,1,\n", "cannot be read (ValueError"),
        ("CellCounter_a.xml", "<Marker>", "cannot be read (ParseError"),
    ],
)
def test_what_cannot_be_meant_stops_the_script(labelled, name, text, said):
    write_text(labelled / "marks" / name, text)
    done = join(labelled)
    assert done.returncode == 1
    assert said in done.stderr
    assert not (labelled / "points.csv").exists()


@pytest.mark.parametrize("name", ["points.csv", "counts.csv"])
def test_a_table_that_is_there_is_replaced_only_when_asked(labelled, name):
    write_text(labelled / name, "mine")
    refused = join(labelled)
    assert refused.returncode == 1
    assert f"{labelled / name}: there already" in refused.stderr
    assert (labelled / name).read_text() == "mine"
    assert join(labelled, "--overwrite").returncode == 0
    assert (labelled / name).read_text().startswith("image,")


def test_a_place_without_marks_is_named_in_one_line(tmp_path):
    for place, said in ((tmp_path / "nowhere", "no such folder"), (tmp_path, "no folder marks")):
        done = join(place)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert said in done.stderr


def test_the_table_of_the_page_is_read_without_the_script(tmp_path):
    row = "1,field_03.tif,0,812,812,812,462.300,2.500\n"
    write_text(tmp_path / "points.csv", " ,Label,Area,Mean,Min,Max,X,Y\n" + row)
    (points,) = read_points(tmp_path / "points.csv").values()
    assert points.tolist() == [[2.0, pytest.approx(461.8)]]
