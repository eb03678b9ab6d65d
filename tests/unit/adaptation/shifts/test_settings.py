import pytest

from adaptoscope.adaptation.shifts.table import ShiftSettings
from adaptoscope.errors import SettingsError
from adaptoscope.training.settings import settings_from


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"overexposure": 150}, "overexposure 150 %"),
        ({"overexposure": 100}, "exposure 100 %"),
        ({"overexposure": 62.5}, "exposure 62.5 %"),
        ({"scale": 1}, "scale 1"),
        ({"overexposure": 150, "scale": 1.5}, "scale 1.5 + overexposure 150 %"),
        ({"gradient": 0.4}, "gradient 0.4"),
        ({"gradient": 0.4, "gradient_angle": 90}, "gradient 0.4 at 90 degrees"),
        (
            {"read_noise": 0.02, "photons": 500, "defocus": 2},
            "defocus 2 px + 500 photons + read noise 0.02",
        ),
    ],
)
def test_names_are_short_and_in_the_order_of_physics(values, name):
    assert ShiftSettings(**values).name() == name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "name at least one shift"),
        ({"gradient_angle": 30}, "name at least one shift"),
        ({"scale": 1.5, "gradient_angle": 30}, "without gradient"),
        ({"scale": 0.3}, "scale"),
        ({"scale": 5}, "scale"),
        ({"overexposure": 0}, "overexposure"),
        ({"overexposure": -50}, "overexposure"),
        ({"defocus": -1}, "defocus"),
        ({"gradient": 2}, "gradient"),
        ({"photons": 0}, "photons"),
        ({"read_noise": -0.1}, "read_noise"),
        ({"exposure": 150}, "not a known field"),
    ],
)
def test_shifts_that_make_no_sense_are_refused(values, message):
    with pytest.raises(SettingsError, match=message):
        settings_from(values, ShiftSettings)
