import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaptoscope.counting.regions import RegionCount, count_in_regions, count_regions
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_mask
from adaptoscope.images.cell_centres import no_points

SHAPE = (6, 9)
LABELS = arrays(np.uint16, SHAPE, elements=st.integers(0, 3))
PLACE = st.tuples(st.floats(-0.5, 5.49), st.floats(-0.5, 8.49))


@given(LABELS, st.lists(PLACE, max_size=30))
def test_every_cell_is_in_the_region_of_the_pixel_under_it(labels, places):
    points = np.array(places, dtype=np.float64).reshape(-1, 2)

    found = {region.label: region for region in count_in_regions(labels, points)}

    under = [labels[int(np.floor(r + 0.5)), int(np.floor(c + 0.5))] for r, c in points]
    assert set(found) == set(np.unique(labels)) - {0}
    for label, region in found.items():
        assert region.count == under.count(label)
        assert region.pixels == (labels == label).sum()
    assert sum(region.count for region in found.values()) == len(points) - under.count(0)


def test_a_region_without_a_cell_has_none():
    labels = np.zeros(SHAPE, dtype=np.uint16)
    labels[2:4, :] = 65535
    assert count_in_regions(labels, no_points()) == [RegionCount(65535, 0, 18)]


@pytest.mark.parametrize("band", [1, 9, 20])
def test_labels_are_counted_in_bands_of_rows(monkeypatch, band):
    monkeypatch.setattr("adaptoscope.counting.regions._BAND", band)
    labels = np.arange(54).reshape(SHAPE) // 10
    points = np.argwhere(labels >= 0).astype(float)

    found = count_in_regions(labels, np.concatenate([points, points[::2]]))

    assert [region.label for region in found] == [1, 2, 3, 4, 5]
    assert [region.pixels for region in found] == [10, 10, 10, 10, 4]
    assert [region.count for region in found] == [15, 15, 15, 15, 6]


def test_the_suffix_of_a_label_image_may_differ(tmp_path):
    write_mask(tmp_path / "field.png", np.eye(6, 9, dtype=np.uint16))
    found = count_regions(tmp_path, "field.tiff", SHAPE, np.array([[2.0, 2.0], [2.0, 3.0]]))
    assert found == [RegionCount(1, 1, 6)]


def test_the_label_image_of_a_large_image_is_read_in_parts(tmp_path):
    points = np.array([[2.0, 2.0], [2.0, 3.0]])
    tifffile.imwrite(tmp_path / "a.tif", np.eye(6, 9, dtype=np.uint16), tile=(16, 16))
    write_mask(tmp_path / "b.png", np.eye(6, 9, dtype=np.uint16))
    tifffile.imwrite(tmp_path / "c.tif", np.eye(6, 9, dtype=np.float32), tile=(16, 16))

    assert count_regions(tmp_path, "a.tif", SHAPE, points, in_parts=True) == [RegionCount(1, 1, 6)]
    with pytest.raises(InputError, match="cannot be read in parts") as caught:
        count_regions(tmp_path, "b.tif", SHAPE, points, in_parts=True)
    assert "tiled TIFF" in caught.value.remedy
    with pytest.raises(InputError, match="does not hold labels"):
        count_regions(tmp_path, "c.tif", SHAPE, points, in_parts=True)


def test_label_images_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="not clear") as caught:
        count_regions(tmp_path, "a.tif", SHAPE, no_points())
    assert caught.value.found == "none"
    write_mask(tmp_path / "a.png", np.ones((6, 8), dtype=np.uint16))
    with pytest.raises(InputError, match="does not divide"):
        count_regions(tmp_path, "a.tif", SHAPE, no_points())
    write_mask(tmp_path / "a.png", np.zeros(SHAPE, dtype=np.uint16))
    with pytest.raises(InputError, match="does not divide") as caught:
        count_regions(tmp_path, "a.tif", SHAPE, no_points())
    assert "all of it 0" in caught.value.found
    write_mask(tmp_path / "a.tif", np.ones(SHAPE, dtype=np.uint16))
    with pytest.raises(InputError, match="not clear") as caught:
        count_regions(tmp_path, "a.tif", SHAPE, no_points())
    assert caught.value.found == "a.png and a.tif"
