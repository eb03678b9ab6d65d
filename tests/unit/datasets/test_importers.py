import pytest

from adaptoscope.datasets.importers import import_idcia_release
from adaptoscope.errors import InputError
from adaptoscope.images.files import read_image, write_image, write_text

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
