import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.style_tokens.settings import DensityRule, TokenSettings
from adaptoscope.training.settings import settings_from


def test_the_defaults_are_those_of_the_paper() -> None:
    settings = TokenSettings()
    assert (settings.steps, settings.learning_rate, settings.weight_decay) == (1000, 5e-4, 0.01)
    assert DensityRule().per_class == 4


@pytest.mark.parametrize(
    "values", [{"token_mode": "both"}, {"clip_input": "uint8"}, {"batch": 0}, {"side": 60}]
)
def test_values_out_of_range_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(values))):
        settings_from(values, TokenSettings)


@pytest.mark.parametrize("limits", [(200.0, 100.0), (0.0, 100.0)])
def test_limits_must_rise(limits: tuple[float, float]) -> None:
    with pytest.raises(SettingsError, match="smaller first"):
        settings_from({"limits": limits}, DensityRule)
