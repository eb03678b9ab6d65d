import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.simulation.settings import SimulationSettings


def test_nuclei_must_fit_the_field():
    with pytest.raises(SettingsError, match="settings"):
        SimulationSettings().changed(height=32, cell_diameter_px=40)


@pytest.mark.parametrize(("bits", "stored", "largest"), [(8, 8, 255), (12, 16, 4095)])
def test_camera_bits_give_the_stored_depth(bits, stored, largest):
    settings = SimulationSettings(camera_bits=bits)
    assert settings.bit_depth == stored
    assert settings.largest_count == largest
