import re
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from adaptoscope.errors import SettingsError
from adaptoscope.training.settings import Settings, load_settings, settings_from, settings_text


class Inner(Settings):
    width: int = Field(default=3, ge=1)


class Round(Settings):
    shape: Literal["round"] = "round"
    radius: float = Field(default=1.0, gt=0)


class Square(Settings):
    shape: Literal["square"]
    side: float


class Line(Settings):
    method: str = "dog"


class Outer(Settings):
    name: str = "a"
    inner: Inner = Inner()
    form: Annotated[Round | Square, Field(discriminator="shape")] = Round()
    plane: int | Literal["max"] | None = None
    loss: Literal["mse", "huber"] = "mse"
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    rows: tuple[Line, ...] = Field(default=(Line(),), min_length=1)
    sets: dict[str, Inner] = Field(default_factory=dict)
    flag: bool = True


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
        ("- 1", "a list of 1"),
        ("width", "'width'"),
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


WORDS = {
    "nmae: x": "`nmae` is not a known field: did you mean `name`? (line 1)",
    "width: 2": "`width` is not a known field here: did you mean `inner.width`? (line 1)",
    "name: b\nxyz: 2": "`xyz` is not a known field (line 2)",
    "inner:\n  wdith: 2": "`inner.wdith` is not a known field: did you mean "
    "`inner.width`? (line 2)",
    "inner: {width: 0}": "`inner.width` must be at least 1, not 0 (line 1)",
    "inner: {width: 1.5}": "`inner.width` must be a whole number, not 1.5 (line 1)",
    "inner: wide": "`inner` must be a table of names and values, not 'wide' (line 1)",
    "form: {radius: 1}": "`form.shape` is missing: it says which kind this is",
    "form: {shape: rund}": "`form.shape` must be round or square, not 'rund': did you mean round? "
    "(line 1)",
    "form: {shape: square}": "`form.side` is missing",
    "form: {shape: square, side: 1, sde: 2}": "`form.sde` is not a known field: did you mean "
    "`form.side`? (line 1)",
    "form: {shape: round, radius: 0}": "`form.radius` must be more than 0, not 0 (line 1)",
    "plane: last": "`plane` must be a whole number or max, not 'last' (line 1)",
    "loss: msee": "`loss` must be mse or huber, not 'msee': did you mean mse? (line 1)",
    "seeds: []": "`seeds` must be a list of at least 1, not an empty list (line 1)",
    "seeds:\n- 1\n- two": "`seeds.1` must be a whole number, not 'two' (line 3)",
    "seeds: 3": "`seeds` must be a list, `[a, b]`, not 3 (line 1)",
    "sets: {a: {wdth: 1}}": "`sets.a.wdth` is not a known field: did you mean `sets.a.width`? "
    "(line 1)",
    "name: 2020-01-01": "`name` must be a text, not 2020-01-01: put it between quotes (line 1)",
    "rows:\n- {methode: dog}": "`rows.0.methode` is not a known field: did you mean "
    "`rows.0.method`? (line 2)",
    "rows: []": "`rows` must be a list of at least 1, not an empty list (line 1)",
    "flag: perhaps": "`flag` must be true or false, not 'perhaps' (line 1)",
}


@pytest.mark.parametrize(("text", "found"), WORDS.items(), ids=WORDS.keys())
def test_a_problem_is_told_in_plain_words(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "s.yaml", Outer)
    assert caught.value.found == found


def test_fields_are_listed_only_where_none_is_near() -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({"inner": {"xyz": 1}}, Outer)
    assert caught.value.expected == "one of the fields width"
    with pytest.raises(SettingsError) as caught:
        settings_from({"nmae": 1}, Outer)
    assert caught.value.expected == "known names, each with a value of its kind"


def test_of_many_problems_eight_are_told(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("\n".join(f"x{number}: 1" for number in range(2000)))
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "s.yaml", Outer)
    assert caught.value.found.endswith("`x7` is not a known field (line 8); and 1992 more")
    assert len(str(caught.value)) < 1500


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
NO_YAML = {
    BOMB: "line 2: `*a0` stands for a value given elsewhere",
    "name: !!timestamp abc": "line 1: `abc` cannot be read as date",
    "name: 2020-99-99": "line 1: `2020-99-99` cannot be read as date",
    "name: !!bool abc": "line 1: `abc` cannot be read as true or false",
    "\nname: !!int abc": "line 2: `abc` cannot be read as whole number",
    f"name: {'9' * 5000}": "line 1: `9999",
    f"name: {'[' * 2000}": "too deep",
    "name: a\nflag: yes\nname: b": "line 3: `name` stands in line 1 already",
    "name:\ta\n\tflag: yes": "indent with blanks",
    "? [a, b]\n: c": "line 1",
}


@pytest.mark.parametrize(("text", "found"), NO_YAML.items(), ids=[text[:20] for text in NO_YAML])
def test_what_is_no_yaml_is_one_readable_error_at_once(
    tmp_path: Path, text: str, found: str
) -> None:
    (tmp_path / "s.yaml").write_text(text)
    began = time.process_time()
    with pytest.raises(SettingsError, match="is not valid YAML") as caught:
        load_settings(tmp_path / "s.yaml", Outer)
    assert time.process_time() - began < 5
    assert found in caught.value.found
    assert len(str(caught.value)) < 1000


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(SettingsError, match="is not text"):
        load_settings(tmp_path / "s.yaml", Outer)


def test_a_mark_of_byte_order_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_bytes(b"\xef\xbb\xbfname: b")
    assert load_settings(tmp_path / "s.yaml", Outer).name == "b"


JARGON = re.compile(r"Input should|validation|Extra inputs|pydantic|parsing|literal_error|Tuple")
PLAIN_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("aé1\x00\x1b", max_size=400),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*Outer.model_fields, "width", "shape", "side"]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*Outer.model_fields, "x"]), PLAIN_VALUES))
def test_any_values_are_settings_or_a_short_message_without_jargon(values: dict[str, Any]) -> None:
    said = ""
    try:
        settings_from(values, Outer)
    except SettingsError as error:
        said = str(error)
    assert not JARGON.search(said)
    assert len(said) < 3000
