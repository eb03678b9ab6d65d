import csv

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

import adaptoscope as ad
from adaptoscope.counting import cell_intensities as module
from adaptoscope.counting.cell_intensities import cell_intensities


def disc(shape, centre, radius):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - centre[0], columns - centre[1]) <= radius


def test_a_flat_disc_is_as_bright_as_it_is_above_the_ground():
    image = np.full((60, 80), 0.2, np.float32)
    image[disc(image.shape, (30, 40), 6)] = 0.7
    found = cell_intensities(image, np.array([[30.0, 40.0]]), 12.0)
    assert found == pytest.approx([0.5], abs=1e-6)


def test_by_hand_on_a_disc_of_one_pixel():
    image = np.arange(49, dtype=np.float32).reshape(7, 7)
    # Diameter 4: disc of radius 2 (13 pixels, mean 24), ring from 3 to 5; its 36 pixels in the
    # image lie evenly about the middle, so that their median is 24 too.
    assert cell_intensities(image, np.array([[3.0, 3.0]]), 4.0) == pytest.approx([0.0])


def test_neighbours_are_no_ground():
    image = np.zeros((60, 80), np.float32)
    for column in (30, 44, 58):
        image[disc(image.shape, (30, column), 6)] = 1.0
    points = np.array([[30.0, 30.0], [30.0, 44.0], [30.0, 58.0]])
    assert cell_intensities(image, points, 12.0) == pytest.approx([1.0, 1.0, 1.0])


def test_a_ramp_of_light_changes_little():
    ramp = np.linspace(0, 1, 80, dtype=np.float32)[None, :].repeat(60, 0)
    image = ramp + 0.5 * disc(ramp.shape, (30, 40), 6)
    assert cell_intensities(image, np.array([[30.0, 40.0]]), 12.0) == pytest.approx([0.5], abs=0.01)


def test_without_any_ground_nothing_is_told():
    points = np.array([[row, column] for row in range(0, 9, 2) for column in range(0, 9, 2)], float)
    assert np.isnan(cell_intensities(np.ones((9, 9), np.float32), points, 6.0)).all()


def test_parts_of_an_image_give_what_the_whole_gives(monkeypatch):
    rng = np.random.default_rng(0)
    image = rng.random((90, 120), dtype=np.float32)
    points = rng.uniform(0, (89, 119), (40, 2))
    whole = cell_intensities(image, points, 8.0)
    monkeypatch.setattr(module, "_PART", 32)
    parts = cell_intensities(image, points, 8.0)
    assert np.isfinite(whole).sum() > 30
    # Where the ring is too full, the ground is that of the part.
    assert (np.abs(parts - whole) < 1e-6).mean() > 0.7
    assert np.nanmax(np.abs(parts - whole)) < 0.2


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 39), st.floats(0, 59)), max_size=12),
    st.floats(1, 25),
    st.floats(0.1, 3),
    st.floats(-1, 1),
)
def test_offset_of_light_is_left_out_and_gain_kept(points, diameter, gain, offset):
    rng = np.random.default_rng(1)
    image = rng.random((40, 60))
    places = np.array(points, float).reshape(-1, 2)
    plain = cell_intensities(image, places, diameter)
    assert plain.shape == (len(points),)
    changed = cell_intensities(gain * image + offset, places, diameter)
    np.testing.assert_allclose(changed, gain * plain, atol=1e-9)


def test_each_channel_of_a_file_has_a_column(tmp_path):
    first = np.full((120, 160), 100, np.uint16)
    second = np.full((120, 160), 50, np.uint16)
    centres = [(30, 40), (80, 110), (60, 0)]
    for number, centre in enumerate(centres):
        blob = disc(first.shape, centre, 7)
        first[blob], second[blob] = 2000, 50 + 300 * number
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "a.tif"
    tifffile.imwrite(file, np.stack([first, second]), photometric="minisblack", ome=True,
                     metadata={"axes": "CYX"})  # fmt: skip
    told = {"channel": 0, "diameter_px": 14.0}
    ad.count_folder(
        tmp_path / "in",
        out=tmp_path / "counts.csv",
        cells=tmp_path / "cells.csv",
        points=tmp_path / "points",
        **told,
    )
    cells = list(csv.DictReader((tmp_path / "cells.csv").open()))
    points = list(csv.DictReader((tmp_path / "points" / "points.csv").open()))
    assert [(c["x"], c["y"]) for c in cells] == [(p["x"], p["y"]) for p in points]
    assert len(cells) == 3
    for cell in cells:
        x, y = float(cell["x"]), float(cell["y"])
        assert 0 <= x <= 159
        number = int(np.argmin([np.hypot(y - r, x - c) for r, c in centres]))
        # The centre of the cell that the border cuts is found one pixel beside the true one.
        assert float(cell["channel_0"]) == pytest.approx(1900, rel=0.2)
        assert float(cell["channel_1"]) == pytest.approx(300 * number, rel=0.2, abs=1)
        assert float(cell["diameter_px"]) == 14
