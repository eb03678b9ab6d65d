from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.import_summary import describe_import, describe_left_out, find_layout
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_image, write_text


def write(folder, *names):
    """Write files by their names: images as such, all others with a word in them."""
    for name in names:
        if name.endswith((".png", ".tif")):
            write_image(folder / name, np.random.default_rng(0).random((12, 16)))
        else:
            write_text(folder / name, "x")
    return folder


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (("a.png", "b.tif"), "folder"),
        (("images/a.png", "points.csv", "split.csv", "README.md"), "folder"),
        (("images/a.png", "notes.csv"), "folder"),
        (("DAPI/a_DAPI.tif", "truth/a_DAPI.csv"), "idcia"),
        (("a_DAPI.tif", "a_DAPI.csv"), "idcia"),
    ],
)
def test_the_layout_is_told_by_what_is_there(tmp_path, names, layout):
    write_text(tmp_path / "split.csv", "image\na.png\n")
    if "split.csv" not in names:
        (tmp_path / "split.csv").unlink()
    assert find_layout(write(tmp_path, *(n for n in names if n != "split.csv"))) == layout


def test_a_file_of_hdf5_and_a_stain_settle_the_layout(tmp_path):
    write(tmp_path, "Cell200.h5", "a.png")
    assert find_layout(tmp_path / "Cell200.h5") == "cell200"
    assert find_layout(tmp_path, "DAPI") == "idcia"


@pytest.mark.parametrize(
    ("names", "found", "remedy"),
    [
        (("a.png", "a.csv", "points.csv"), "both", "--layout folder or --layout idcia"),
        (("day 1/a.png",), "1 image(s) in other folders below, 0", "the folder that holds"),
        (("Cell200.h5",), "Cell200.h5", "give the file itself"),
        (("notes.txt",), "0 image(s)", "the folder that holds the images"),
    ],
)
def test_a_layout_that_is_not_clear_is_refused_with_what_could_be_done(
    tmp_path, names, found, remedy
):
    with pytest.raises(InputError, match="layout of") as caught:
        find_layout(write(tmp_path, *names))
    assert found in caught.value.found
    assert remedy in caught.value.remedy


def test_a_place_that_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(InputError, match="no data set"):
        find_layout(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no data set"):
        find_layout(write(tmp_path, "a.png") / "a.png")


def test_labelled_counted_and_unknown_images_are_told_apart(tmp_path):
    writer = CountedImageWriter(tmp_path / "set", {}, "Three kinds")
    pixels = np.random.default_rng(0).random((12, 16))
    writer.add("a", pixels, points=[(1, 1), (5, 5)])
    writer.add("b", pixels, points=None, count=7)
    writer.add("c", pixels, points=None)
    assert describe_import(writer.finish("Made for a test.")) == (
        "1 labelled with 2 cells; 1 counted without centres, 7 cells; "
        "1 unlabelled, without a row or a table of cell centres"
    )


def test_files_that_were_left_out_are_grouped_by_the_reason(tmp_path):
    names = [f"CellCounter_{number}.xml" for number in range(5)]
    write(tmp_path, "images/a.png", "a.png", "images/.hidden.png", "plate.zarr/0/c/0", *names)
    write(tmp_path, "masks/a.png", "README.md", "old/x.roi")
    lines = describe_left_out(tmp_path, "folder")
    assert [line.split(": ")[1] for line in lines] == [
        "5 file(s), CellCounter_0.xml, CellCounter_1.xml, CellCounter_2.xml and 2 more",
        "1 file(s), a.png",
        "1 file(s), plate.zarr",
        "1 file(s), old/x.roi",
    ]
    assert describe_left_out(Path("nowhere.h5"), "cell200") == []


@pytest.mark.parametrize("marks", ["a.csv", "a.geojson", "CellCounter_a.xml"])
def test_files_of_marks_are_told_to_be_joined_until_they_are(tmp_path, marks):
    write(tmp_path, "a.png", f"marks/{marks}")
    assert find_layout(tmp_path) == "folder"
    (line,) = describe_left_out(tmp_path, "folder")
    assert f"not joined yet: python docs/marks_to_points.py {tmp_path}" in line
    write_text(tmp_path / "points.csv", "image,x,y\na.png,3,4\n")
    assert find_layout(tmp_path) == "folder"
    assert describe_left_out(tmp_path, "folder") == []
    write(tmp_path, "marks/other.csv")
    assert "marks/other.csv" in describe_left_out(tmp_path, "folder")[0]


def test_images_of_other_stains_are_left_out_of_a_release(tmp_path):
    write(tmp_path, "DAPI/a_DAPI.tif", "truth/a_DAPI.csv", "Cy3/a_Cy3.tif", "truth/a_Cy3.csv")
    lines = describe_left_out(tmp_path, "idcia", stain="DAPI")
    assert any("Cy3/a_Cy3.tif" in line and "--stain" in line for line in lines)
    assert len(lines) == 2
