"""Labels that do not fit their images are found before anything is computed with them."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.images.cell_centres import Points
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate
from tests.interfaces.conftest import Chain, refuse, succeed, write_fields

PIXEL_SIZE = 0.5


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    """Four fields of about 50 cells each."""
    settings = SimulationSettings(
        height=128,
        width=128,
        cells_per_mpx=3000,
        density_spread=0,
        pixel_size_um=PIXEL_SIZE,
        cell_diameter_px=9,
    )
    return simulate(tmp_path_factory.mktemp("simulated") / "set", settings, 4)


def write_marked(folder: Path, images: CountedImageSet, change: Callable[[Points], Points]) -> Path:
    """Write the images in the form of a foreign set whose points were changed."""
    rows = ["image,x,y"]
    for record in images:
        image = images.read(record)
        write_image(folder / "images" / record.name, image.pixels, pixel_size_um=PIXEL_SIZE)
        points = change(images.points(record)).tolist()
        rows += [f"{record.name},{column},{row}" for row, column in points]
    write_text(folder / "points.csv", "\n".join(rows) + "\n")
    return folder


@pytest.mark.parametrize("command", ["train --real", "train --synthetic", "evaluate", "convert"])
def test_points_in_micrometres_are_refused_with_what_to_divide_by(
    simulated: CountedImageSet, chain: Chain, tmp_path: Path, command: str
) -> None:
    marked = write_marked(tmp_path / "um", simulated, lambda points: PIXEL_SIZE * points)
    out = tmp_path / "out"
    calls: dict[str, tuple[object, ...]] = {
        "train --real": ("count", "train", out, "--real", marked, "--method", "dog"),
        "train --synthetic": ("count", "train", out, "--real", chain.real, "--synthetic", marked),
        "evaluate": ("count", "evaluate", "dog", marked),
        "convert": ("convert", marked, out),
    }
    error = refuse(*calls[command])
    assert "do not lie on the cells" in error
    assert "divided by 0.5, the pixel size of the files" in error
    assert "divide x and y of points.csv by 0.5" in error
    assert not (out / "metadata.csv").exists()
    assert not (out / "model.json").exists()


@pytest.mark.parametrize("command", ["train", "evaluate", "convert"])
def test_images_that_are_marked_in_part_are_named(
    simulated: CountedImageSet, tmp_path: Path, command: str
) -> None:
    first = simulated.records[0]

    def one_of_the_first(points: Points) -> Points:
        return points[:1] if len(points) == first.count else points

    marked = write_marked(tmp_path / "part", simulated, one_of_the_first)
    out = tmp_path / "out"
    calls: dict[str, tuple[object, ...]] = {
        "train": ("count", "train", out, "--real", marked, "--method", "dog"),
        "evaluate": ("count", "evaluate", "dog", marked),
        "convert": ("convert", marked, out),
    }
    with pytest.warns(UserWarning, match=rf"{re.escape(first.name)} \(1 marked, \d\d seen\)"):
        succeed(*calls[command])


def test_convert_finds_the_layout_and_says_what_it_left_out(tmp_path: Path) -> None:
    source, out = write_fields(tmp_path / "fields"), tmp_path / "out"
    list_ = (source / "split.csv").read_text().splitlines()
    table = (source / "points.csv").read_text().splitlines()
    write_text(source / "split.csv", "\n".join(list_[:-1]) + "\n")
    write_text(source / "CellCounter_field_0.xml", "<CellCounter_Marker_File/>")
    write_text(source / "CellCounter_lost.xml", "<CellCounter_Marker_File/>")
    write_text(source / "images" / "field_0_seg.npy", "pickled")
    write_image(source / "masks" / "nobody.png", np.zeros((8, 8)))
    write_text(source / "raw" / "a.czi", "")
    write_text(source / "notes.docx", "")
    lines = succeed("convert", source, out).splitlines()
    cells = sum(not row.startswith("field_6") for row in table[1:])
    assert lines[0] == (f"{out}: 6 images (folder, found by itself), 6 labelled with {cells} cells")
    reasons = {
        "images/field_6.tif": "list of the folder does not name",
        "CellCounter_field_0.xml": "Fiji's Cell Counter, which are not read",
        "CellCounter_lost.xml": "whose image is not among",
        "images/field_0_seg.npy": "never read",
        "masks/nobody.png": "without an image of the same name",
        "raw/a.czi": "export them as TIFF",
        "notes.docx": "no image and no table",
    }
    for name, reason in reasons.items():
        assert [reason in line for line in lines if name in line] == [True]
    assert len(lines) == 1 + len(reasons)


def test_convert_takes_no_mask_beside_its_image_for_an_image(tmp_path: Path) -> None:
    source, out = tmp_path / "cellpose", tmp_path / "out"
    for name in ("a.png", "a_cp_masks.png", "b_masks.png"):
        write_image(source / name, np.random.default_rng(0).random((32, 32)))
    lines = succeed("convert", source, out).splitlines()
    assert lines[0].startswith(f"{out}: 2 images (folder, found by itself), 0 labelled")
    assert "2 unlabelled" in lines[0]
    assert "a_cp_masks.png: masks or outlines" in lines[1]


def test_convert_names_the_layouts_that_a_folder_could_have(tmp_path: Path) -> None:
    source, out = write_fields(tmp_path / "fields"), tmp_path / "out"
    write_text(source / "images" / "field_0.csv", " ,Area,X,Y\n1,10,3.5,2.5\n")
    error = refuse("convert", source, out)
    assert "--layout folder or --layout idcia" in error
    said = succeed("convert", source, out, "--layout", "folder")
    assert "7 images (folder), 7 labelled" in said
    assert "images/field_0.csv: tables or annotations" in said
    deeper = tmp_path / "deeper"
    write_image(deeper / "day 1" / "a.png", np.zeros((8, 8)))
    assert "1 image(s) in other folders below" in refuse("convert", deeper, out)
    assert "There is no folder" in refuse("convert", tmp_path / "nowhere", out)


def test_a_style_is_not_learnt_from_images_without_cells(chain: Chain, tmp_path: Path) -> None:
    generator, blank = np.random.default_rng(0), tmp_path / "blank"
    for number in range(2):
        write_image(blank / f"b{number}.tif", generator.normal(0.1, 0.002, (64, 64)))
    style = tmp_path / "style.safetensors"
    command = ("style", "learn", style, "--backbone", chain.backbone, "--images")
    assert "No nucleus was seen" in refuse(*command, blank)
    assert not style.exists()
    real = open_counted_images(chain.real)
    write_image(blank / "cells.tif", real.read(real.records[0]).pixels)
    with pytest.warns(UserWarning, match=r"seen in 2 of 3 style images: b0\.tif, b1\.tif"):
        succeed(*command, blank)
