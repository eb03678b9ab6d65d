import numpy as np
import pytest

from adaptoscope.datasets.point_tables import read_points, write_points
from adaptoscope.errors import InputError


def test_x_is_the_column_and_y_the_row(tmp_path):
    write_points(tmp_path / "points.csv", [("a.png", np.array([[1.25, 2.5]]))])
    assert (tmp_path / "points.csv").read_text() == "image,x,y\na.png,2.5,1.25\n"


def test_points_are_written_without_loss(tmp_path):
    points = np.random.default_rng(0).random((50, 2)) * 1000
    write_points(tmp_path / "points.csv", [("a.png", points), ("b.png", np.empty((0, 2)))])
    read = read_points(tmp_path / "points.csv")
    assert list(read) == ["a.png"]
    np.testing.assert_array_equal(read["a.png"], points)


def test_images_may_be_given_with_their_folder(tmp_path):
    (tmp_path / "points.csv").write_text("image,x,y,label\nimages/a.png,1,2,nucleus\n")
    np.testing.assert_array_equal(read_points(tmp_path / "points.csv")["a.png"], [[2, 1]])


@pytest.mark.parametrize("row", ["a.png,1,", ",1,2", "a.png,one,2", "a.png,nan,2"])
def test_incomplete_rows_are_refused(tmp_path, row):
    (tmp_path / "points.csv").write_text(f"image,x,y\n{row}\n")
    with pytest.raises(InputError, match=r"points\.csv"):
        read_points(tmp_path / "points.csv")


NAMES = {
    "image,X,Y": "a.png,3,2",
    "image,x_px,y_px": "a.png,3,2",
    "file_name,row,col": "images/a.png,2,3",
    "filename,row,column": "a.png,2,3",
    "image,index,axis-0,axis-1": "a.png,0,2,3",
    "image,centroid-0,centroid-1": "a.png,2,3",
    " ,Label,Area,X,Y": "1,a.png,12,3.5,2.5",
    " ,Label,XM,YM": "1,a.png:0003-0002,3.5,2.5",
    "image,XM,YM": "a.png,3.5,2.5",
    "image,Area,X,Y": "a.png,9,3.5,2.5",
}


@pytest.mark.parametrize("head", NAMES)
def test_tables_of_other_programs_are_understood(tmp_path, head):
    (tmp_path / "points.csv").write_text(f"{head}\n{NAMES[head]}\n")
    assert read_points(tmp_path / "points.csv")["a.png"].tolist() == [[2.0, 3.0]]


DOUBTFUL = {
    "image,X,Y,XM,YM": "several columns",
    "image,filename,row,col": "several columns",
    "index,axis-0,axis-1": "which image",
    "image,axis-0,axis-1,axis-2": "three axes",
    "image,lat,long": "lacks the coordinates",
    "image,x,Y": "lacks the coordinates",
}


@pytest.mark.parametrize("head", DOUBTFUL)
def test_columns_that_could_mean_anything_are_refused_by_name(tmp_path, head):
    (tmp_path / "points.csv").write_text(f"{head}\n")
    with pytest.raises(InputError, match=DOUBTFUL[head]) as caught:
        read_points(tmp_path / "points.csv")
    assert caught.value.found == "columns " + head.replace(",", ", ")
    assert "image,x,y" in caught.value.expected


def test_our_own_columns_come_before_those_of_others(tmp_path):
    (tmp_path / "points.csv").write_text("image,x,y,X,Y,Label\na.png,3,2,30,20,b.png\n")
    assert read_points(tmp_path / "points.csv")["a.png"].tolist() == [[2.0, 3.0]]
