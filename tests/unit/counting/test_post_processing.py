import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.counting.post_processing import DensityReading, DensitySurvey, choose_reading
from adaptoscope.errors import InputError

ALL = DensityReading(threshold=0.3)


def survey(points, heights, total=None, shape=(100, 120), diameter=20.0):
    places = np.array(points, dtype=float).reshape(-1, 2)
    weights = np.array(heights, dtype=float)
    return DensitySurvey(
        places, weights, float(weights.sum()) if total is None else total, shape, diameter
    )


def test_peaks_above_the_threshold_are_cells():
    seen = survey([[50, 50], [20, 20], [70, 70]], [0.9, 0.5, 0.2])

    assert seen.read(ALL)[0] == 2
    assert seen.read(ALL.changed(threshold=0.6))[0] == 1
    assert seen.read(ALL)[1].tolist() == [[50, 50], [20, 20]]


def test_the_density_may_be_summed_instead():
    seen = survey([[50, 50]], [0.9], total=3.4)

    assert seen.read(ALL.changed(count="density"))[0] == pytest.approx(3.4)


@given(st.floats(-9.4, 9.4))
def test_a_cell_counts_by_its_centre_where_its_visible_part_says_so(centre):
    """A disc of radius 10 whose centre lies ``centre`` pixels inside the image's border at -0.5."""
    rows = np.arange(400) * 0.05 - 0.5 + 0.025
    chord = np.sqrt(np.maximum(100 - (rows + 0.5 - centre) ** 2, 0))
    middle = float((rows * chord).sum() / chord.sum())

    seen = survey([[middle, 60]], [1.0])

    assert seen.read(ALL)[0] == 1
    if abs(centre) > 0.1:
        assert seen.read(ALL.changed(edges="centres"))[0] == (1 if centre > 0 else 0)


@pytest.mark.parametrize("place", [[1, 50], [98, 50], [50, 1], [50, 118]])
def test_every_border_is_a_border(place):
    seen = survey([place], [1.0], total=2.0)

    assert seen.read(ALL.changed(edges="centres"))[0] == 0
    assert seen.read(ALL.changed(edges="centres", count="density"))[0] == pytest.approx(1.0)


def test_the_reading_that_counts_best_is_chosen():
    surveys = [
        survey([[30, 30 + 5 * n] for n in range(10)] + [[1, 60]], [0.9] * 6 + [0.4] * 4 + [0.9])
        for _ in range(3)
    ]

    assert choose_reading(surveys, [6, 6, 6], ALL).changed(threshold=0.5) == DensityReading(
        threshold=0.5, edges="centres"
    )
    assert choose_reading(surveys, [11, 11, 11], ALL) == ALL


def test_a_choice_needs_images():
    with pytest.raises(InputError, match="cannot be chosen"):
        choose_reading([], [], ALL)
