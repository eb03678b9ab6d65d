import os

import numpy as np
import pytest
import tifffile

from adaptoscope.counting.images_to_count import (
    images_of_places,
    images_to_count,
    opened_image,
    refuse_foreign_kind,
)
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage, write_image, write_text
from adaptoscope.imageio.large_images import LargeImage


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_all_that_looks_like_an_image_is_listed_in_natural_order(tmp_path):
    folder = touch(tmp_path / "in", "b10.png", "b2.TIF", "b3.jpeg", "notes.txt", ".hidden.png")
    (folder / "more").mkdir()

    found = images_to_count(folder)

    assert [file.name for file in found.files] == ["b2.TIF", "b3.jpeg", "b10.png"]
    said = f"Left out of {folder}: 1 file(s) that are no images; 1 sub-folder(s), which are not "
    assert found.left_out() == said + "entered."


def test_nothing_is_said_where_nothing_is_left_out(tmp_path):
    folder = touch(tmp_path / "in", "a.png")
    assert images_to_count(folder).left_out() == ""
    single = images_to_count(folder / "a.png")
    assert [file.name for file in single.files] == ["a.png"]
    assert single.left_out() == ""


def test_images_may_lie_in_a_folder_of_that_name(tmp_path):
    touch(tmp_path / "in", "points.csv")
    touch(tmp_path / "in" / "images", "a.png")
    found = images_to_count(tmp_path / "in")
    assert [file.path for file in found.files] == [tmp_path / "in" / "images" / "a.png"]


def test_of_a_folder_with_a_list_only_listed_images_are_taken(tmp_path):
    touch(tmp_path / "in" / "images", "a.png", "b.png", "c.jpg")
    write_text(tmp_path / "in" / "split.csv", "image,pixel_size_um\nb.png,0.4\n")
    (file,) = images_to_count(tmp_path / "in").files
    assert (file.name, file.pixel_size_um) == ("b.png", 0.4)


def test_a_table_of_counts_beside_the_images_is_no_list(tmp_path):
    folder = touch(tmp_path / "in", "a.png", "b.png")
    write_text(folder / "counts.csv", "image,count,lower,upper,flag,region\na.png,3.5,,,,all\n")
    assert len(images_to_count(folder).files) == 2


def test_a_folder_without_images_is_refused(tmp_path):
    folder = touch(tmp_path / "in", "notes.txt")
    (folder / "plate").mkdir()
    with pytest.raises(InputError, match="holds no image") as caught:
        images_to_count(folder)
    assert caught.value.found == "1 other file(s) and 1 sub-folder(s)"
    with pytest.raises(InputError, match="nothing to count"):
        images_to_count(tmp_path / "absent")


@pytest.mark.parametrize("below", ["A01", "r03c03/Images", "2023-02-21/1334/TimePoint_1"])
def test_a_plate_is_named_and_its_folders_too(tmp_path, below):
    folder = tmp_path / "plate"
    for place in (below, below.replace("0", "1").replace("3", "4")):
        touch(folder / place, "a.tif")
    with pytest.raises(InputError, match="seems to be a plate") as caught:
        images_to_count(folder)
    assert str(folder / below) in caught.value.remedy


def test_zarr_folders_are_known_by_what_lies_in_them(tmp_path):
    touch(tmp_path / "0", "zarr.json")
    (alone,) = images_to_count(tmp_path / "0").files
    assert alone.path == tmp_path / "0"


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.nd2", "a.gif", "a.webp", "a.bmp", "a.lif"])
def test_kinds_that_are_not_read_are_named(tmp_path, name):
    with pytest.raises(InputError, match="kind that is not read") as caught:
        refuse_foreign_kind(tmp_path / name)
    assert "export it as TIFF or PNG" in caught.value.remedy
    refuse_foreign_kind(tmp_path / "a.tiff")


def test_a_zarr_folder_is_one_image_alone_or_among_others(tmp_path):
    (tmp_path / "in" / "b.zarr").mkdir(parents=True)
    touch(tmp_path / "in", "a.png")
    found = images_to_count(tmp_path / "in")
    assert [file.name for file in found.files] == ["a.png", "b.zarr"]
    assert found.folders == 0
    (alone,) = images_to_count(tmp_path / "in" / "b.zarr").files
    assert alone.path == tmp_path / "in" / "b.zarr"


@pytest.fixture
def tiled(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 80)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(16, 32), compression="deflate")
    return tmp_path / "a.tif"


def opened(path, **options):
    usual = {"channel": None, "z": None, "max_pixels": 10_000, "in_parts": True}
    return opened_image(path, **(usual | options))


@pytest.mark.parametrize(
    ("limit", "options", "kind"),
    [
        (10**6, {}, MicroscopyImage),
        (5000, {}, LargeImage),
        (5000, {"in_parts": False}, MicroscopyImage),
        (10**6, {"max_pixels": 5000}, LargeImage),
    ],
)
def test_only_large_images_stay_on_disk(tiled, monkeypatch, limit, options, kind):
    monkeypatch.setattr("adaptoscope.imageio.large_images.WHOLE_PIXELS", limit)
    with opened(tiled, **options) as image:
        assert isinstance(image, kind)
        assert image.shape == (64, 80)


def test_what_must_be_read_whole_is_refused_above_the_limit(tiled, tmp_path):
    write_image(tmp_path / "b.png", np.zeros((64, 80)))
    with opened(tmp_path / "b.png") as image:
        assert image.shape == (64, 80)
    with pytest.raises(InputError, match="tiled TIFF") as caught:
        opened(tmp_path / "b.png", max_pixels=5119).__enter__()
    assert "--max-pixels" in caught.value.expected
    with pytest.raises(InputError, match="--model nuclei") as caught:
        opened(tiled, max_pixels=5119, in_parts=False).__enter__()
    assert caught.value.found.startswith("64 x 80 pixels")


def test_long_sides_are_no_reason_to_refuse(tmp_path):
    write_image(tmp_path / "long.png", np.zeros((2, 20_001)))
    with opened(tmp_path / "long.png", max_pixels=50_000) as image:
        assert image.shape == (2, 20_001)


def test_images_of_several_places_are_found_once_and_told_apart(tmp_path):
    for place in ("x/a/i.png", "y/a/i.png", "y/a/j.png", "z/i.png", "10²5.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / "x" / "a" / "notes.txt").touch()
    given = [tmp_path / "y" / "a", tmp_path / "x" / "a", tmp_path / "y" / "a" / "j.png",
             tmp_path / "z" / ".." / "z" / "i.png", tmp_path]  # fmt: skip

    files, places = images_of_places(given)

    names = ["y/a/i.png", "j.png", "x/a/i.png", "z/i.png", "10²5.png"]
    assert [file.name for file in files] == names
    assert sum(bool(place.left_out()) for place in places) == 2


def test_a_name_that_is_not_utf8_is_written_with_its_bytes(tmp_path):
    file = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    try:
        open(file, "wb").close()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    ((found,), _) = images_of_places([tmp_path])
    assert found.name == "caf\\xe9.png"
    assert os.fsencode(found.path) == file
