"""What is wrong with settings, in the words of a person who writes them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from adaptoscope.errors import shortened

Place = tuple[str | int, ...]
"""Names and indices that lead to a value."""

_MOST = 8
_TABLE = "a table of names and values"
_WHOLE, _NUMBER, _FLAG, _TEXT = "a whole number", "a number", "true or false", "a text"
_KINDS = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "a finite number",
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "string_type": _TEXT,
    "path_type": "a path",
    "list_type": "a list, `[a, b]`",
    "tuple_type": "a list, `[a, b]`",
    "set_type": "a list, `[a, b]`",
    "frozen_set_type": "a list, `[a, b]`",
    "dict_type": _TABLE,
    "mapping_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "none_required": "empty",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a text of the pattern {pattern}",
}
"""What a value is to be, by pydantic's name of the problem."""


@dataclass(frozen=True)
class Problem:
    """One setting that cannot be used.

    Parameters
    ----------
    place
        Names and indices that lead to it; empty for the whole.
    words
        What is wrong, following the name: "is not a known field".
    known
        Fields that are known at its place, where none of them is near.
    """

    place: Place
    words: str
    known: tuple[str, ...] = ()

    def text(self, line: int | None = None) -> str:
        """Return the problem as a phrase that begins with the name of the field."""
        if not self.place:
            return shortened(self.words)
        at = f" (line {line})" if line else ""
        return shortened(f"`{named(self.place)}` {self.words}") + at


def named(place: Place) -> str:
    """Return the name of a place, as `rows.0.steps`."""
    return shortened(".".join(str(part) for part in place), 100)


def problems_of(
    error: ValidationError, values: object, kind: type[BaseModel]
) -> tuple[list[Problem], int]:
    """Say what is wrong, once for each place.

    Returns
    -------
    tuple
        At most eight problems, in the order of the fields, and the number of further ones.
    """
    found = error.errors(include_url=False, include_input=False)
    grouped: dict[Place, list[Any]] = {}
    for each in found:
        if _follows_from_items(each, values):
            continue
        place = _place(each["loc"], values, missing=each["type"] == "missing")
        grouped.setdefault(place, []).append(each)
    places = list(grouped)[:_MOST]
    told = [_problem(place, grouped[place], values, kind) for place in places]
    return told, len(grouped) - len(places)


def _place(location: Sequence[str | int], values: object, *, missing: bool) -> Place:
    """Leave out of pydantic's location what names a branch of a union and no field."""
    place: list[str | int] = []
    for index, part in enumerate(location):
        if _holds(values, part):
            values = values[part]  # type: ignore[index]
        elif not (missing and index == len(location) - 1):
            continue
        place.append(part)
    return tuple(place)


def _follows_from_items(error: Any, values: object) -> bool:
    """Tell whether a list is too short only because the items that are at fault are not counted."""
    if error["type"] != "too_short":
        return False
    given = _value_at(values, _place(error["loc"], values, missing=False))
    return isinstance(given, list | tuple) and len(given) >= error["ctx"]["min_length"]


def _holds(values: object, part: str | int) -> bool:
    if isinstance(values, Mapping):
        return part in values
    return isinstance(values, list | tuple) and isinstance(part, int) and part < len(values)


def _problem(place: Place, errors: list[Any], values: object, kind: type[BaseModel]) -> Problem:
    first = errors[0]
    given = _value_at(values, place)
    if first["type"] == "extra_forbidden":
        return _unknown_field(place, first["loc"], kind)
    if first["type"] == "missing":
        return Problem(place, "is missing")
    if first["type"] == "value_error":
        said = first["msg"].removeprefix("Value error, ")
        return Problem(place, f"cannot be used: {said}" if place else said)
    if first["type"].startswith("union_tag"):
        return _unknown_tag(place, first, given)
    wanted = list(dict.fromkeys(_wanted(each) for each in errors))
    hint = _hint(errors, given)
    return Problem(place, f"must be {' or '.join(wanted)}, not {shown(given)}{hint}")


def _wanted(error: Any) -> str:
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        return _one_of(_choices(context))
    if error["type"] in _KINDS:
        numbers = {
            name: f"{value:g}" if isinstance(value, float) else value
            for name, value in context.items()
        }
        return _KINDS[error["type"]].format(**numbers)
    said = str(error["msg"])
    return said.removeprefix("Input should be ").removeprefix("a valid ")


def _hint(errors: list[Any], given: object) -> str:
    choices = [
        choice
        for error in errors
        if error["type"] == "literal_error"
        for choice in _choices(error.get("ctx", {}))
    ]
    if choices and isinstance(given, str):
        return _did_you_mean(given, choices)
    if any(error["type"] == "string_type" for error in errors) and not isinstance(
        given, list | dict | None
    ):
        return ": put it between quotes"
    return ""


def _choices(context: Mapping[str, Any]) -> list[str]:
    listed = str(context.get("expected", "")).replace(" or ", ", ")
    return [choice.strip("'\"") for choice in listed.split(", ") if choice]


def _one_of(choices: Sequence[str]) -> str:
    if len(choices) < 2:
        return "".join(choices)
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _unknown_tag(place: Place, error: Any, given: object) -> Problem:
    context = error["ctx"]
    name = str(context["discriminator"]).strip("'")
    choices = [each.strip().strip("'") for each in str(context.get("expected_tags", "")).split(",")]
    if error["type"] == "union_tag_not_found":
        return Problem((*place, name), "is missing: it says which kind this is")
    tag = str(context["tag"])
    words = f"must be {_one_of(choices)}, not {shown(tag)}{_did_you_mean(tag, choices)}"
    known = isinstance(given, Mapping) and name in given
    return Problem((*place, name) if known else place, words)


def _unknown_field(place: Place, location: Sequence[str | int], kind: type[BaseModel]) -> Problem:
    models = _models_at(kind, location[:-1])
    known = tuple(dict.fromkeys(name for model in models for name in model.model_fields))
    name, parents = str(place[-1]), place[:-1]
    words = "is not a known field"
    if close := get_close_matches(name, known, n=1):
        return Problem(place, f"{words}: did you mean `{named((*parents, close[0]))}`?")
    inner = [
        (*parents, field, name)
        for model in models
        for field, about in model.model_fields.items()
        if get_origin(about.annotation) is not dict
        and any(name in below.model_fields for below in _models_in(about.annotation))
    ]
    if inner:
        there = " or ".join(f"`{named(each)}`" for each in dict.fromkeys(inner[:3]))
        return Problem(place, f"{words} here: did you mean {there}?")
    return Problem(place, words, known)


def _did_you_mean(given: str, choices: Sequence[str]) -> str:
    close = get_close_matches(given, choices, n=1)
    return f": did you mean {close[0]}?" if close else ""


def _models_at(kind: type[BaseModel], location: Sequence[str | int]) -> list[type[BaseModel]]:
    """Return the settings that may stand at a place; the name of a branch picks one of several."""
    models = [kind]
    for part in location:
        fields = [model.model_fields[str(part)] for model in models if part in model.model_fields]
        if fields:
            models = [each for field in fields for each in _models_in(field.annotation)]
        else:
            branch = [model for model in models if part in {model.__name__, *_tags(model)}]
            models = branch or models
    return models


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for each in get_args(annotation):
            yield from _models_in(each)


def _tags(model: type[BaseModel]) -> Iterator[Any]:
    for field in model.model_fields.values():
        if get_origin(field.annotation) is Literal:
            yield from get_args(field.annotation)


def _value_at(values: Any, place: Place) -> Any:
    for part in place:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def shown(value: object) -> str:
    """Return a value of a settings file as a message names it."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, Mapping):
        return "a table of names and values"
    return shortened(repr(value) if isinstance(value, str) else str(value), 80)
