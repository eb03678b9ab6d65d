import math

import pytest

from adaptoscope.comparison.settings import Bounds, ComparisonSettings
from adaptoscope.errors import SettingsError
from adaptoscope.training.settings import settings_from


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (1.0, "alike"),
        (1.2, "differs"),
        (1.9, "differs"),
        (2.0, "differs strongly"),
        (math.inf, "differs strongly"),
        (math.nan, "not known"),
    ],
)
def test_a_difference_is_said_in_words(difference: float, verdict: str) -> None:
    assert Bounds(differs=1.2, strongly=2.0).verdict(difference) == verdict


def test_bounds_that_fall_are_refused() -> None:
    with pytest.raises(SettingsError, match="differs <= strongly"):
        settings_from({"focus": {"differs": 2.0, "strongly": 1.0}}, ComparisonSettings)


def test_bounds_can_be_changed_one_by_one() -> None:
    bounds = {"differs": 1.1, "strongly": 1.2}
    changed = settings_from({"diameter": bounds}, ComparisonSettings)
    assert changed.diameter.verdict(1.15) == "differs"
    assert changed.density == ComparisonSettings().density
