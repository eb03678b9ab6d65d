import dataclasses
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.counting.density import density_of_centres
from adaptoscope.counting.peaks import BORDER
from adaptoscope.counting.settings import DensitySettings, RegressorSettings
from adaptoscope.counting.training_images import at_working_size, read_training_images
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.imitation import common_pixel_size
from adaptoscope.errors import InputError
from adaptoscope.images.blobs import estimate_diameter
from adaptoscope.images.resampling import Resampling, scaled

PLAIN = RegressorSettings(crop=64, augment="none")


@pytest.fixture
def images(real):
    return read_training_images(real.training_part(), PLAIN)


def test_only_the_training_split_is_read(images):
    assert sorted(images.hashes) == [f"images/train{n}.png" for n in range(6)]
    assert images.diameter_px == pytest.approx(10, rel=0.15)


def test_cells_are_brought_to_the_working_diameter(real):
    settings = DensitySettings(diameter=20.0, crop=64, init="random")

    images = read_training_images(real.training_part(), settings)

    assert images.diameter_px == pytest.approx(10, rel=0.15)
    factor = 20 / images.diameter_px
    side = round(128 * factor)
    assert images.pixels[0].shape == (side + 2 * BORDER, side + 2 * BORDER)
    assert estimate_diameter(images.pixels[-1]) == pytest.approx(20, rel=0.1)
    rows, columns = np.round(images.points[-1]).astype(int).T
    assert (images.pixels[-1][rows, columns] > 0.5).all()


def test_images_without_labels_may_be_read_for_their_looks(real):
    bare = real.with_records(dataclasses.replace(r, labelled=False) for r in real)

    images = read_training_images(bare, PLAIN, labels=False)

    assert len(images.pixels) == len(real)
    assert all(len(points) == 0 for points in images.points)


def test_an_image_smaller_than_a_crop_is_refused_with_a_remedy(real):
    with pytest.raises(InputError, match="set crop to 128"):
        read_training_images(real, PLAIN.changed(crop=200))


def test_images_without_labels_are_refused(real):
    bare = real.with_records(dataclasses.replace(r, labelled=False, count=None) for r in real)

    with pytest.raises(InputError, match="unlabelled"):
        read_training_images(bare, PLAIN)


def test_pixel_sizes_that_differ_are_no_common_one():
    assert common_pixel_size([0.5, 0.5]) == 0.5
    assert common_pixel_size([0.5, None]) is None


@given(
    st.lists(st.tuples(st.floats(-0.49, 63.49), st.floats(-0.49, 79.49)), min_size=1, max_size=8)
)
def test_a_cell_at_the_border_has_a_whole_density_inside(places):
    points = np.array(places)
    same = Resampling((64, 80), (64, 80))

    _, shown = at_working_size(np.zeros((64, 80), np.float32), points, same)

    side = 80 + 2 * BORDER
    whole = density_of_centres(torch.from_numpy(shown)[None], side // 2, 2)[0, 0]
    inner = whole[BORDER // 2 : (BORDER + 64) // 2, BORDER // 2 : (BORDER + 80) // 2]
    assert float(inner.sum()) == pytest.approx(len(points), abs=1e-3)


def test_the_mirrored_border_shows_the_mirrored_cells():
    pixels = np.zeros((40, 40), np.float32)
    pixels[2, 20] = 1.0

    shown, points = at_working_size(pixels, np.array([[2.0, 20.0]]), scaled((40, 40), 1.0))

    assert shown.shape == (72, 72)
    assert {tuple(place) for place in np.argwhere(shown == 1)} == {(13, 36), (18, 36)}
    assert {tuple(point) for point in points} == {(13.0, 36.0), (18.0, 36.0)}


def test_an_image_smaller_than_the_border_is_mirrored_as_far_as_it_goes():
    shown, points = at_working_size(
        np.ones((8, 30), np.float32), np.array([[4.0, 4.0]]), scaled((8, 30), 1.0)
    )

    assert shown.shape == (24, 46)
    assert len(points) == 6


def test_points_are_only_moved_where_that_is_asked_for(real_folder, tmp_path):
    folder = shutil.copytree(real_folder, tmp_path / "clicked")
    rows = (folder / "points.csv").read_text("utf-8").splitlines()
    clicked = [row.rsplit(",", 1) for row in rows[1:]]
    beside = [f"{start},{float(row) + 2}" for start, row in clicked]
    (folder / "points.csv").write_text("\n".join([rows[0], *beside]) + "\n", "utf-8")
    clicks = open_counted_images(folder).training_part()
    exact = open_counted_images(real_folder).training_part()
    settings = DensitySettings(crop=64, init="random", diameter=10.0)

    wanted = read_training_images(exact, settings).points[-1]
    moved = read_training_images(clicks, settings).points[-1]
    kept = read_training_images(clicks, settings.changed(snap_points=False)).points[-1]

    assert np.abs(moved[:40] - wanted[:40]).max() < 0.5
    assert np.abs(kept[:40] - wanted[:40]).max() > 1.5
