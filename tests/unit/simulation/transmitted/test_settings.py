import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.simulation.transmitted.settings import TransmittedSettings
from adaptoscope.training.settings import settings_from


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"optics": {"ring_na": 0.24}}, "phase ring"),
        ({"optics": {"ring_na": 0.01}}, "phase ring"),
        ({"optics": {"condenser_na": 0.3}}, "dark field"),
        ({"optics": {"objective_na": 1.1, "medium_index": 1.0}}, "no such light"),
        ({"optics": {"source_points": 7}}, "source_points"),
        ({"optics": {"objective_na": 0.4}}, "too coarse"),
        ({"pixel_size_um": 1.0}, "too coarse"),
        ({"height": 32, "margin_px": 8}, "too narrow"),
        ({"cells": {"nucleus_diameter_um": 2.0}}, "cannot be drawn"),
        ({"cells": {"nucleus_diameter_um": 100.0}, "width": 128}, "cannot be drawn"),
        ({"cells": {"narrowest_spread": 5.0}}, "narrowest_spread"),
        ({"dapi": {"background_electrons": 6000.0}}, "full_scale_electrons"),
        ({"cd29": {"offset_electrons": 5000.0}}, "full_scale_electrons"),
        ({"cd29": {"halo": 1.0}}, "not a known field"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, said):
    with pytest.raises(SettingsError) as caught:
        settings_from(values, TransmittedSettings)
    assert said in caught.value.found


def test_the_pixel_size_scales_everything():
    fine = TransmittedSettings(pixel_size_um=0.325)
    assert fine.nucleus_diameter_px == pytest.approx(2 * TransmittedSettings().nucleus_diameter_px)


def test_the_defaults_give_nuclei_of_about_twenty_pixels():
    assert 18 <= TransmittedSettings().nucleus_diameter_px <= 24
