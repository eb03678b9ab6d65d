"""The numbers of app, plugin, Python and command line agree for one folder."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import adaptoscope as ad
from adaptoscope.viewer.layers import count_layer
from adaptoscope.viewer.work import sample_nuclei, sample_stack
from adaptoscope.web.commands import command_of
from adaptoscope.web.workspace import open_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated images of 8 and 16 bits, and one that shows nothing."""
    folder = tmp_path_factory.mktemp("images")
    ((pixels, _, _), _), ((stack, _, _),) = sample_nuclei(), sample_stack()
    tifffile.imwrite(folder / "a.tif", (pixels * 65535).astype(np.uint16))
    tifffile.imwrite(folder / "b.tif", (stack[2] * 255).astype(np.uint8))
    tifffile.imwrite(folder / "empty.tif", np.zeros((80, 90), np.uint16))
    return folder


def told(table: Path) -> dict[str, tuple[str, ...]]:
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {row["image"]: (row["count"], row["lower"], row["upper"], row["flag"]) for row in rows}


def test_app_plugin_python_and_command_line_agree(folder: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "adaptoscope"]
    out, points = tmp_path / "counts.csv", tmp_path / "p"
    subprocess.run(
        [*line, "count", "predict", str(folder), "--out", str(out), "--points", str(points)],
        check=True,
        capture_output=True,
    )
    command = command_of(open_workspace(folder), "count", {"model": "nuclei"})
    subprocess.run([*line, *command.arguments], check=True, capture_output=True)
    of_app = Path(command.result)
    assert (of_app / "counts.csv").read_bytes() == out.read_bytes()
    assert (of_app / "points" / "points.csv").read_bytes() == (points / "points.csv").read_bytes()

    table = tmp_path / "python.csv"
    rows = {row.image: row for row in ad.count_folder(folder, out=table).rows}
    assert table.read_bytes() == out.read_bytes()

    from adaptoscope.datasets.point_tables import read_points

    written, counter = read_points(points / "points.csv"), ad.load_counter("nuclei")
    assert sorted(rows) == sorted(told(out)) == ["a.tif", "b.tif", "empty.tif"]
    for name, row in rows.items():
        pixels = tifffile.imread(folder / name)
        found = counter.count(pixels)
        cells, attributes, _ = count_layer(pixels, counter=counter, name=name)
        shown = attributes["metadata"]["adaptoscope"]
        assert found.count == shown["count"] == row.count == float(told(out)[name][0])
        assert found.flag == shown["flag"] == row.flag
        assert found.interval == shown["interval"]
        assert np.round(cells, 2).tolist() == written.get(name, np.empty((0, 2))).tolist()
