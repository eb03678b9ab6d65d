"""Files with the faults of files that people bring, where the collection of them is at hand."""

import os
import unicodedata
from pathlib import Path

import pytest

from adaptoscope.counting.images_to_count import images_to_count
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.paired_stains import open_paired_stains
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_header, read_image
from adaptoscope.imageio.large_images import stored_parts
from tests.unit.counting.counted_rows import predict_counts


@pytest.fixture(scope="module", name="data")
def shared_data():
    place = os.environ.get("ADAPTOSCOPE_DATA")
    if not place or not (Path(place) / "field-cases").is_dir():
        pytest.skip("ADAPTOSCOPE_DATA does not name a folder with field-cases")
    return Path(place)


@pytest.fixture(scope="module", name="counter")
def bundled_counter():
    return load_counter("nuclei")


COUNTED = {
    "nonsquare_pixels/39_imagej_nonsquare_px_x0.65_y0.325.tif": (30, 0.65 * 0.325),
    "nonsquare_pixels/55_ome_nonsquare.ome.tif": (30, 0.65 * 0.325),
    "nonsquare_pixels/nonsquare.zarr": (30, 0.65 * 0.325),
    "ome_channels_one_file_each/field_C0_30nuclei.ome.tif": (30, 0.25),
    "ome_channels_one_file_each/field_C1_12nuclei.ome.tif": (12, 0.25),
    "ome_positions_one_file_each/run_MMStack_Pos0_30nuclei.ome.tif": (30, None),
    "ome_positions_one_file_each/run_MMStack_Pos1_12nuclei.ome.tif": (12, None),
    "ome_positions_one_file_each/run_MMStack_Pos2_5nuclei.ome.tif": (5, None),
    "ome_renamed/well_A1_30nuclei.tif": (30, 0.25),
    "ome_renamed/well_A2_12nuclei.tif": (12, 0.25),
    "palette_tiff/22_palette_shuffled_indices.tif": (30, None),
    "palette_tiff/23_pillow_quantized32.tif": (30, None),
    "palette_tiff/25_palette_inverted_lut.tif": (30, None),
    "sparse_tiff/60_thumbnail_second_page.tif": (30, None),
    "sparse_tiff/67_sparse_tile.tif": (27, None),
    "units/52_ome_cm.ome.tif": (30, 0.325**2),
    "units/53_ome_m.ome.tif": (30, 0.325**2),
    "units/56_ome_angstrom.ome.tif": (30, 0.325**2),
    "units/metre.zarr": (30, 0.25),
}
"""Number of nuclei, and area of a pixel in square micrometres where it is known."""


@pytest.mark.parametrize("case", COUNTED)
def test_the_right_number_on_the_right_area(data, counter, tmp_path, case):
    if case.endswith(".zarr"):
        pytest.importorskip("zarr", minversion="3")
    cells, pixel = COUNTED[case]
    (row,) = predict_counts(counter, data / "field-cases" / case, tmp_path / "counts.csv")
    assert row.error == ""
    assert row.count == pytest.approx(cells, abs=1)
    if pixel is None:
        assert row.per_mm2 is None
    else:
        assert row.area_mm2 == pytest.approx(256 * 256 * pixel * 1e-6, rel=1e-4)
        assert row.per_mm2 == pytest.approx(row.count / row.area_mm2)
    assert ("not square" in row.flag) == case.startswith("nonsquare")


@pytest.mark.parametrize("z", [None, "max"])
def test_exchanged_axes(data, z):
    with pytest.raises(InputError, match="axes=QYX") as caught:
        read_image(data / "field-cases" / "hwc2" / "written_hwc.tif", z=z)
    assert "256 x 256 x 2" in caught.value.found
    assert "--z" not in str(caught.value)


def test_no_file_outside_is_read(data):
    evil = data / "field-cases" / "hostile" / "ome_traversal" / "in" / "evil.ome.tif"
    assert set(read_image(evil).stored.ravel()) == {10}
    with pytest.raises(InputError, match="channel"):
        read_image(evil, channel=1)


def test_a_png_that_fills_the_memory(data, counter, tmp_path):
    folder = data / "field-cases" / "hostile" / "png_bomb"
    bad, *good = predict_counts(counter, folder, tmp_path / "counts.csv")
    assert "fill the memory" in bad.error
    assert all(row.count is not None for row in good)


def complaint(read, path):
    try:
        read(path)
    except InputError as error:
        return str(error)
    return ""


def read_parts(path):
    if (parts := stored_parts(path)) is not None:
        parts.read(slice(0, 4), slice(0, 4))
        parts.close()


@pytest.mark.parametrize("kind", ["tiff", "png", "ome_xml", "zarr_json"])
def test_crafted_files_are_refused_in_readable_words(data, kind):
    if kind == "zarr_json":
        pytest.importorskip("zarr", minversion="3")
    for case in sorted((data / "field-cases" / "hostile" / "fuzz" / kind).iterdir()):
        for path in (each for each in case.iterdir() if each.name != "CASE"):
            ways = [read_parts] if path.is_dir() else [read_header, read_image, read_parts]
            said = [complaint(read, path) for read in ways]
            assert any(said)
            assert all(len(each) < 3000 for each in said)


@pytest.mark.parametrize("kind", ["points_csv", "split_csv", "metadata_csv", "pairs_csv"])
def test_crafted_tables_are_refused_in_readable_words(data, kind):
    read = open_paired_stains if kind == "pairs_csv" else open_counted_images
    for case in sorted((data / "field-cases" / "hostile" / "fuzz" / kind).iterdir()):
        for folder in (each for each in case.iterdir() if each.is_dir()):
            assert len(complaint(read, folder)) < 3000


def test_the_operetta_plate(data):
    plate = data / "format-samples" / "images" / "operetta_plate"
    with pytest.raises(InputError, match="plate") as caught:
        images_to_count(plate)
    assert str(plate / "Images") in caught.value.remedy
    images = [read_image(file) for file in sorted((plate / "Images").glob("*.tiff"))]
    assert [image.pixel_size_um for image in images] == [1.19595] * 2
    assert all("6.45 um" in image.pixel_size_remark for image in images)


def test_an_operetta_image_without_its_index(data, tmp_path):
    path = data / "format-samples/images/operetta_plate/Images/r03c03f01p01-ch1sk1fk1fl1.tiff"
    (tmp_path / "a.tiff").write_bytes(path.read_bytes())
    image = read_image(tmp_path / "a.tiff")
    assert image.pixel_size_um is None
    assert "6.45 um" in image.pixel_size_remark


def test_the_imagexpress_plate(data, counter, tmp_path):
    folder = data / "format-samples" / "images" / "imagexpress" / "1334"
    with pytest.raises(InputError, match="channels of each site") as caught:
        predict_counts(counter, folder, tmp_path / "counts.csv")
    assert caught.value.found == "2 files of w1, 2 files of w2, 2 files of w3"
    rows = predict_counts(counter, folder, tmp_path / "one.csv", PredictSettings(channel=2))
    assert [row.pixel_size_um for row in rows] == [1.3668] * 2
    assert all(not row.error for row in rows)


@pytest.mark.parametrize("name", ["10\u00b25.png", "w$\\frac$2.png", "=cmd().png", "a\x1b]0;b.png"])
def test_names_that_broke_something_are_listed(tmp_path, name):
    (tmp_path / name).touch()
    (tmp_path / unicodedata.normalize("NFD", "Pr\u00e4parat_1.tif")).touch()
    assert len(images_to_count(tmp_path).files) == 2


def test_no_shared_set_is_taken_for_channels_of_one_site(data):
    from adaptoscope.counting.channel_files import channels_in

    for folder in data.glob("*/images"):
        if folder.parent.name != "format-samples":
            names = [entry.name for entry in folder.iterdir()]
            assert channels_in(names) == {}, folder
