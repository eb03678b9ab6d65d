import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.viewer.layers import centres_of_layer, count_layer, places_of, plane_of
from adaptoscope.viewer.work import sample_nuclei, sample_stack


@pytest.fixture(scope="module")
def field():
    (pixels, _, _), (points, _, _) = sample_nuclei()
    return pixels, points


def test_the_slider_chooses_the_plane():
    stack = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert (plane_of(stack, (1, 2, 0, 0)) == stack[1, 2]).all()
    # The viewer may have more axes than the layer, or none that is moved.
    assert (plane_of(stack[0], (1, 2, 0, 0)) == stack[0, 2]).all()
    assert (plane_of(stack[0, 0], (1, 2, 0, 0)) == stack[0, 0]).all()
    assert places_of((3, 4, 5), ()) == (0,)
    assert places_of((3, 4, 5), (99, 0, 0)) == (2,)
    with pytest.raises(InputError, match="no image"):
        plane_of(np.zeros(3), ())


def test_cells_come_as_points_with_their_confidence(field):
    pixels, truth = field
    points, attributes, kind = count_layer(pixels, name="a.tif", scale=(0.5, 0.5))
    told = attributes["metadata"]["adaptoscope"]
    assert kind == "points"
    assert points.shape == (told["count"], 2)
    assert abs(told["count"] - len(truth)) < 0.2 * len(truth)
    confidence = attributes["features"]["confidence"]
    assert confidence.shape == (len(points),)
    assert 0.15 < confidence.min() <= confidence.max() <= 1
    assert (attributes["name"], attributes["scale"]) == ("cells of a.tif", (0.5, 0.5))
    assert told["said"].startswith(f"{told['count']:g} cells")
    assert (points >= 0).all()
    assert (points <= np.array(pixels.shape) - 1).all()


def test_a_counter_without_a_density_has_no_confidence(field):
    _, attributes, _ = count_layer(field[0], counter="dog")
    assert np.isnan(attributes["features"]["confidence"]).all()


def test_cells_of_a_plane_stay_on_it():
    ((stack, _, _),) = sample_stack()
    points, _, _ = count_layer(stack, (2, 0, 0))
    assert set(points[:, 0]) == {2.0}
    alone, _, _ = count_layer(stack[2])
    assert (centres_of_layer(points) == alone).all()


def test_an_empty_plane_has_no_cells():
    points, attributes, _ = count_layer(np.zeros((64, 64), np.uint8))
    assert points.shape == (0, 2)
    assert "blank" in attributes["metadata"]["adaptoscope"]["said"]
