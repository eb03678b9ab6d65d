from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from adaptoscope.errors import SettingsError
from adaptoscope.training.settings import Settings, load_settings, settings_from, settings_text


class Inner(Settings):
    width: int = Field(default=3, ge=1)


class Outer(Settings):
    name: str = "a"
    inner: Inner = Inner()


def test_settings_come_back_from_yaml(tmp_path: Path) -> None:
    settings = Outer(name="b", inner=Inner(width=7))
    (tmp_path / "s.yaml").write_text(settings_text(settings))
    assert load_settings(tmp_path / "s.yaml", Outer) == settings


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Outer().name = "c"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nmae: x", "`nmae` is not a known field"),
        ("inner: {width: 0}", "`inner.width`"),
        ("inner: {wdith: 2}", "`inner.wdith` is not a known field"),
        ("name: [1]", "`name`"),
        ("- 1", "list"),
        ("a: b: c", "mapping values"),
    ],
)
def test_a_bad_file_names_the_field(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "s.yaml", Outer)
    assert found in caught.value.found


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml", Outer)


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("")
    assert load_settings(tmp_path / "s.yaml", Outer) == Outer()


def test_changed_copies_are_checked() -> None:
    assert Outer().changed(name="z").name == "z"
    with pytest.raises(SettingsError, match="cannot be used"):
        Outer().changed(colour="red")
    with pytest.raises(SettingsError):
        settings_from({"inner": {"width": "wide"}}, Outer)
