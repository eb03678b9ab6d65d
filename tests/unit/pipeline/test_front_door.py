import os
from pathlib import Path

import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.imageio.files import write_text
from adaptoscope.pipeline.front_door import TrainedModel, each_of, settings_of, values_of
from adaptoscope.translation.settings import TranslationSettings


@pytest.mark.parametrize("form", ["object", "mapping", "file", "text"])
def test_settings_are_the_same_in_every_form(form: str, tmp_path: Path) -> None:
    write_text(tmp_path / "s.yaml", "width: 4\nsteps: 9\n")
    given = {
        "object": TranslationSettings(width=4, steps=9),
        "mapping": {"width": 4, "steps": 9},
        "file": tmp_path / "s.yaml",
        "text": str(tmp_path / "s.yaml"),
    }[form]
    chosen = settings_of(given, TranslationSettings, steps=3, seed=None)
    assert chosen == TranslationSettings(width=4, steps=3)


def test_no_settings_are_the_defaults() -> None:
    assert settings_of(None, TranslationSettings) == TranslationSettings()
    assert values_of(None) == ({}, "")


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be used"):
        settings_of({"widht": 4}, TranslationSettings)


def test_one_several_or_no_sets_become_a_list(tmp_path: Path) -> None:
    assert each_of(None) == []
    assert each_of("a") == ["a"]
    assert each_of(tmp_path) == [tmp_path]
    assert each_of(["a", tmp_path]) == ["a", tmp_path]


def test_a_trained_model_is_a_path(tmp_path: Path) -> None:
    trained = TrainedModel(tmp_path, None, "")
    assert Path(trained) == tmp_path
    assert os.fspath(trained) == str(tmp_path)
