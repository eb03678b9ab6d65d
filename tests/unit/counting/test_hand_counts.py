import numpy as np
import pytest

from adaptoscope.counting.conventions import Conventions
from adaptoscope.counting.hand_counts import calibrated_by, fit_reading
from adaptoscope.counting.images_to_count import FileToCount
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.counting.post_processing import DensityReading, DensitySurvey
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import InputError, SettingsError

OWN = DensityReading()


def survey(high, low=0, cut=0, blurred=0):
    """Cells by kind: plain, of low peaks, cut by the border, blurred."""
    number = high + low + cut + blurred
    points = np.full((number, 2), 50.0)
    points[high + low : high + low + cut, 0] = 0.0
    heights = np.full(number, 0.9)
    heights[high : high + low] = 0.5
    responses = np.ones(number)
    responses[number - blurred :] = 0.05
    return DensitySurvey(points, heights, float(number), (100, 100), 20.0, responses)


def test_hand_counts_that_agree_change_nothing():
    found = fit_reading([survey(30, 2, 3, 4), survey(10, 1, 1, 1)], [39, 13], OWN)

    assert found.reading == OWN
    assert (found.error_before, found.error_after) == (0, 0)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"cut": 5}, {"edges": "centres"}),
        ({"blurred": 5}, {"least_sharpness": 0.1}),
        ({"low": 8}, {"threshold": 0.5}),
    ],
)
def test_what_the_counts_leave_out_is_found(cells, told):
    found = fit_reading([survey(30, **cells), survey(20, **cells)], [30, 20], OWN)

    assert found.reading == OWN.changed(**told)
    assert found.error_after == 0
    assert "From 2 hand counts" in found.in_words()


def test_a_small_disagreement_is_no_reason_to_change():
    found = fit_reading([survey(100, low=1), survey(100)], [100, 100], OWN)

    assert found.reading == OWN


def test_what_is_told_is_not_fitted():
    told = Conventions(edges="visible")

    found = fit_reading([survey(30, cut=5)], [30], OWN, told)

    assert found.reading.edges == "visible"


def test_a_table_needs_two_hand_counts_of_images_that_are_there(tmp_path):
    table = tmp_path / "check.csv"
    nuclei, files = load_counter("nuclei"), [FileToCount(tmp_path / "a.png", "a.png")]
    how = PredictSettings()

    table.write_text("image,hand_count\na.png,5\nb.png,\n")
    with pytest.raises(InputError, match="cannot calibrate"):
        calibrated_by(nuclei, table, files, how, Conventions())
    table.write_text("image,hand_count\na.png,5\nb.png,3\n")
    with pytest.raises(InputError, match=r"b\.png"):
        calibrated_by(nuclei, table, files, how, Conventions())
    with pytest.raises(SettingsError, match="one way of counting"):
        calibrated_by(load_counter("dog"), table, files, how, Conventions())
