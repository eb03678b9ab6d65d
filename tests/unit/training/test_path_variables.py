from pathlib import Path

import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.training.path_variables import VARIABLES, expand_path, expand_variable


def test_only_a_leading_variable_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTOSCOPE_DATA", "data")
    assert expand_path("$ADAPTOSCOPE_DATA/x/y") == Path("data/x/y")
    assert expand_path("images/$ADAPTOSCOPE_DATA") == Path("images/$ADAPTOSCOPE_DATA")


@pytest.mark.parametrize(
    "text", ["", "images", "CompVis/stable-diffusion-v1-4", "$HOME/x", "ADAPTOSCOPE_DATA/x", "./a"]
)
def test_what_names_no_known_variable_stays_as_it_is(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTOSCOPE_DATA", "data")
    assert expand_variable(text) == text


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_is_not_set_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match=name) as caught:
        expand_variable(f"${name}/x")
    assert VARIABLES[name] in caught.value.expected
