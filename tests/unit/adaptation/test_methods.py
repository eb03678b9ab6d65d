import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from adaptoscope.adaptation.baseline_settings import BaselineSettings, OracleSettings
from adaptoscope.adaptation.layer_choice.settings import AutoSettings
from adaptoscope.adaptation.methods import METHODS, adapt_by_method, choose_settings
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.errors import SettingsError


def home_of(name: str) -> Any:
    module, _, function = METHODS[name].home.partition(":")
    return import_module(module), function


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_function_that_takes_what_it_looks_at(name: str) -> None:
    module, function = home_of(name)
    taken = inspect.signature(getattr(module, function)).parameters
    assert set(METHODS[name].looks_at) <= taken.keys()
    needed = {key for key, each in taken.items() if each.default is inspect.Parameter.empty}
    assert needed <= {"settings", "out", "model", *METHODS[name].looks_at}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_gets_what_it_looks_at_and_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}
    module, function = home_of(name)
    monkeypatch.setattr(module, function, lambda *_, **how: given.update(how) or tmp_path)
    settings = METHODS[name].settings.model_validate({"method": name})
    images = {"source": [1], "target": [2], "pairs": [3], "look": None}
    out = adapt_by_method(settings, tmp_path, model="a model", **images)  # type: ignore[arg-type]
    seen = {key: images[key] for key in METHODS[name].looks_at if images[key] is not None}
    assert out == tmp_path
    assert given == {"model": "a model", "device": "auto", "overwrite": False, **seen}


def test_nothing_named_tries_restyled_pairs_and_layers() -> None:
    for method in (None, "auto"):
        chosen = choose_settings({}, method=method)
        assert chosen == AutoSettings()
    assert choose_settings({"steps": 7}, seed=4) == AutoSettings(
        adaptation=AdaptationSettings(steps=7, seed=4), seeds=(4, 5)
    )


@pytest.mark.parametrize(("values", "method"), [({}, "coral"), ({"method": "coral"}, None)])
def test_who_names_a_method_gets_its_layers_chosen(values: object, method: str | None) -> None:
    chosen = choose_settings(values, method=method)
    assert isinstance(chosen, AutoSettings)
    assert (chosen.adaptation.method, chosen.restyling) == ("coral", None)


@pytest.mark.parametrize(
    ("values", "options", "layers"),
    [
        ({}, {"layer": "5,2"}, (2, 5)),
        ({"layers": [3]}, {}, (3,)),
        ({"layers": [3]}, {"layer": "4"}, (4,)),
    ],
)
def test_named_layers_are_matched(
    values: object, options: dict[str, str], layers: tuple[int, ...]
) -> None:
    assert choose_settings(values, **options) == AdaptationSettings(layers=layers)


def test_auto_wins_over_the_layers_of_a_file() -> None:
    assert isinstance(choose_settings({"layers": [3]}, layer="auto"), AutoSettings)


def test_methods_without_layers_are_never_a_choice() -> None:
    assert choose_settings({}, method="none") == BaselineSettings()
    assert choose_settings({"steps": 3}, method="oracle", seed=2) == OracleSettings(steps=3, seed=2)


@pytest.mark.parametrize("values", [{"seeds": [0, 1]}, {"layers": [[2], [3]]}])
def test_a_file_that_says_how_to_choose_stands_alone(values: dict[str, object]) -> None:
    assert isinstance(choose_settings(values), AutoSettings)
    for option in ({"method": "coral"}, {"layer": "3"}, {"seed": 1}):
        with pytest.raises(SettingsError, match="how to choose"):
            choose_settings(values, **option)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "named"), [({"layer": "3"}, "--layer"), ({"layer": "auto"}, "--layer")]
)
def test_layers_that_make_no_difference_are_refused(option: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=f"{named} makes no difference") as refusal:
        choose_settings({}, method="histogram", **option)
    assert "adversarial, coral or mmd" in refusal.value.expected


def test_a_seed_that_makes_no_difference_is_refused() -> None:
    with pytest.raises(SettingsError, match="--seed makes no difference") as refusal:
        choose_settings({}, method="none", seed=1)
    assert "adabn, restyled or oracle" in refusal.value.expected


@pytest.mark.parametrize("values", [["layers"], "layers", 3])
def test_values_that_are_no_table_are_refused(values: object) -> None:
    with pytest.raises(SettingsError, match="not a table"):
        choose_settings(values)
