import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaptoscope.counting.regions import RegionCount, count_in_regions, read_regions
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import no_points
from adaptoscope.images.files import write_mask

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


def test_the_suffix_of_a_label_image_may_differ(tmp_path):
    labels = np.eye(6, 9, dtype=np.uint16)
    write_mask(tmp_path / "field.png", labels)
    np.testing.assert_array_equal(read_regions(tmp_path, "field.tiff", SHAPE), labels)


def test_label_images_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="not clear") as caught:
        read_regions(tmp_path, "a.tif", SHAPE)
    assert caught.value.found == "none"
    write_mask(tmp_path / "a.png", np.ones((6, 8), dtype=np.uint16))
    with pytest.raises(InputError, match="does not divide"):
        read_regions(tmp_path, "a.tif", SHAPE)
    write_mask(tmp_path / "a.png", np.zeros(SHAPE, dtype=np.uint16))
    with pytest.raises(InputError, match="does not divide") as caught:
        read_regions(tmp_path, "a.tif", SHAPE)
    assert "all of it 0" in caught.value.found
    write_mask(tmp_path / "a.tif", np.ones(SHAPE, dtype=np.uint16))
    with pytest.raises(InputError, match="not clear") as caught:
        read_regions(tmp_path, "a.tif", SHAPE)
    assert caught.value.found == "a.png and a.tif"
