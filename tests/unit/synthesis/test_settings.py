import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.synthesis.settings import SynthesisSettings


@pytest.mark.parametrize(
    "change",
    [
        {"contrast_range": (1.2, 0.8)},
        {"clusters": (0, 3)},
        {"semi_axis_range": (0.0, 0.5)},
        {"cells_per_mpx_quantiles": (-1.0, 2.0)},
        {"semi_axis_quantiles": (0.5,)},
        {"semi_axis_quantiles": (0.6, 0.5)},
        {"semi_axis_quantiles": (0.0, 0.5)},
        {"count_rule": "truncate"},
        {"unknown": 1},
    ],
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(SettingsError):
        SynthesisSettings().changed(**change)


def test_defaults_are_those_of_the_paper():
    settings = SynthesisSettings()
    assert (settings.height, settings.width) == (256, 256)
    assert settings.clusters == (3, 7)
    assert (settings.count_mean, settings.count_sd, settings.count_limit) == (120, 90, 600)
    assert settings.intensity_range == (100, 200)
    assert settings.largest_overlap == 0.10
    assert settings.cell_diameter_px == 15
