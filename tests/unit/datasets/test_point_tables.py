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
