import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.idcia import import_idcia_release
from adaptoscope.datasets.importers import import_folder
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_image, write_image, write_mask, write_text

STEM = "220909_GFP-AHPC_A_GFAP_F10_{}_20x"
HEADER = " ,Area,Mean,Min,Max,X,Y\n"


@pytest.fixture
def release(tmp_path, pixels):
    """One DAPI image with two cells, one antibody image without a cell."""
    source = tmp_path / "IDCIA_data"
    for channel, rows in (("DAPI_ND1", "1,10,255,255,255,3.5,2.5\n2,9,255,255,255,8,1\n"),
                          ("Cy3_ND2", "")):  # fmt: skip
        folder, stem = channel.split("_")[0], STEM.format(channel)
        write_image(source / "images" / folder / f"{stem}.tiff", pixels(len(rows)))
        write_text(source / "ground_truth" / folder / f"{stem}.csv", HEADER + rows)
    return source


def test_a_release_is_converted(release, tmp_path):
    done: list[int] = []
    opened = import_idcia_release(release, tmp_path / "out", on_image=lambda: done.append(1))
    (record,) = opened
    assert done == [1]
    assert opened.points(record).tolist() == [[2, 3], [0.5, 7.5]]
    assert (record.channel, record.group) == ("DAPI", "220909_GFP-AHPC_A_GFAP")
    original = read_image(next((release / "images" / "DAPI").iterdir()))
    assert record.source_sha256 == original.sha256
    assert "0.5 was subtracted" in (tmp_path / "out" / "README.md").read_text()


def test_an_annotation_without_rows_means_no_cell(release, tmp_path):
    (record,) = import_idcia_release(release, tmp_path / "out", "Cy3")
    assert (record.count, record.labelled) == (0, True)


def test_an_image_without_annotation_is_unlabelled(release, tmp_path):
    next((release / "ground_truth" / "DAPI").iterdir()).unlink()
    (record,) = import_idcia_release(release, tmp_path / "out")
    assert (record.count, record.labelled) == (None, False)


def test_an_annotation_without_image_is_refused(release, tmp_path):
    next((release / "images" / "DAPI").iterdir()).unlink()
    with pytest.raises(InputError, match="no image for"):
        import_idcia_release(release, tmp_path / "out")


def test_an_unknown_channel_is_refused(release, tmp_path):
    with pytest.raises(InputError, match="channel FITC"):
        import_idcia_release(release, tmp_path / "out", "FITC")


def test_a_table_without_coordinates_is_refused(release, tmp_path):
    table = next((release / "ground_truth" / "DAPI").iterdir())
    write_text(table, " ,Area\n1,5\n")
    with pytest.raises(InputError, match="lacks the column X"):
        import_idcia_release(release, tmp_path / "out")


def test_a_folder_is_written_in_our_own_form(make_folder, tmp_path):
    folder = make_folder(
        split="image,split,pixel_size_um,count\na.png,train,0.5,1\nb.png,test,0.5,0\n",
        points="image,axis-0,axis-1\na.png,2,3\n",
    )
    mask = np.eye(12, 16, dtype=np.uint16)
    write_mask(folder / "masks" / "a.png", mask)
    done: list[int] = []
    opened = import_folder(folder, tmp_path / "out", on_image=lambda: done.append(1))
    first, second = opened
    assert len(done) == 2
    assert opened.points(first).tolist() == [[2.0, 3.0]]
    assert (first.split, first.pixel_size_um, first.count) == ("train", 0.5, 1)
    assert (second.labelled, second.count) == (True, 0)
    np.testing.assert_array_equal(opened.mask(first), mask)
    source = open_counted_images(folder)
    assert opened.read(first).sha256 == source.read(source.records[0]).sha256
    assert (tmp_path / "out" / "points.csv").read_text() == "image,x,y\na.png,3.0,2.0\n"


def test_swapped_points_are_put_right_even_where_they_lie_outside(make_folder, tmp_path):
    folder = make_folder(points="image,x,y\na.png,2,15\n")
    opened = import_folder(folder, tmp_path / "out", swap_axes=True)
    assert opened.points(opened.records[0]).tolist() == [[2.0, 15.0]]
    assert "x and y of every cell centre exchanged" in (tmp_path / "out" / "README.md").read_text()


def test_a_folder_without_points_has_nothing_to_swap(make_folder, tmp_path):
    with pytest.raises(InputError, match="no cell centres to swap"):
        import_folder(make_folder(), tmp_path / "out", swap_axes=True)
    assert not (tmp_path / "out").exists()


def test_a_number_of_cells_without_their_places_is_kept(make_folder, tmp_path):
    folder = make_folder(counts="image,count\na.png,7\n")
    (record,) = import_folder(folder, tmp_path / "out")
    assert (record.count, record.labelled) == (7, False)
