from pathlib import Path

import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.counting_stage import row_settings
from adaptoscope.pipeline.demo import demo_settings
from adaptoscope.pipeline.run import load_experiment
from adaptoscope.pipeline.settings import ExperimentSettings, Row, expand_data_path
from adaptoscope.training.settings import settings_from

# Settings of `stylise`, which are checked with that command.
NOT_RUN = {"paper_way"}
EXPERIMENTS = sorted(
    path
    for path in Path(__file__).parents[3].glob("experiments/**/*.yaml")
    if path.stem not in NOT_RUN
)
MINIMAL = {
    "name": "a",
    "title": "A",
    "real": {"kind": "folder", "folder": "images"},
    "rows": [{"name": "Constant", "method": "constant"}],
}


def test_there_are_experiments() -> None:
    assert EXPERIMENTS


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_file_is_valid(path: Path) -> None:
    assert load_experiment(path).model_dump()["name"] == path.stem


@pytest.mark.parametrize("quick", [False, True])
def test_the_demo_needs_no_data(quick: bool) -> None:
    settings = demo_settings(quick=quick)
    assert settings.real.kind == "simulated"
    assert settings.needs("stylised")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"rows": []}, "rows"),
        ({"seeds": [1, 1]}, "seeds must differ"),
        ({"name": "../x"}, "name"),
        ({"real": {"kind": "folder"}}, "folder"),
        ({"rows": [{"name": "A b", "method": "dog"}, {"name": "a-b", "method": "dog"}]}, "names"),
        ({"rows": [{"name": "x", "method": "dog", "init": "nuclei"}]}, "only for method"),
        ({"colour": 1}, "colour"),
    ],
)
def test_contradictions_are_named(change: dict[str, object], found: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({**MINIMAL, **change}, ExperimentSettings)
    assert found in caught.value.found


def test_a_row_changes_only_what_it_names() -> None:
    settings = settings_from({**MINIMAL, "pretrain_steps": 7}, ExperimentSettings)
    real = row_settings(settings, Row(name="r", method="regressor", steps=9), 3)
    assert (real.regime, real.steps, real.pretrain_steps, real.seed) == ("supervised", 9, 0, 3)
    both = row_settings(
        settings, Row(name="s", method="regressor", init="random", synthetic="stylised"), 4
    )
    assert (both.regime, both.pretrain_steps, both.init) == ("fine_tuned", 7, "random")
    assert both.steps == settings.counting.steps


def test_only_a_leading_variable_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTOSCOPE_DATA", "data")
    assert expand_data_path("$ADAPTOSCOPE_DATA/x/y") == Path("data/x/y")
    assert expand_data_path("images/$ADAPTOSCOPE_DATA") == Path("images/$ADAPTOSCOPE_DATA")
