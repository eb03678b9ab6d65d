"""Typed, frozen settings and their YAML form."""

from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from adaptoscope.errors import SettingsError

SettingsKind = TypeVar("SettingsKind", bound="Settings")


class Settings(BaseModel):
    """Base of all settings: frozen, every key known, documented field by field."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def changed(self, **values: Any) -> Self:
        """Return a checked copy in which the given fields have new values.

        Raises
        ------
        SettingsError
            If a field is unknown or its value is out of range.
        """
        return settings_from({**self.model_dump(), **values}, type(self))


def settings_from(values: object, kind: type[SettingsKind], *, origin: str = "") -> SettingsKind:
    """Check plain values and return them as settings.

    Parameters
    ----------
    values
        A mapping of field name to value, as read from YAML.
    kind
        The settings class.
    origin
        Where the values came from, for the error message.

    Raises
    ------
    SettingsError
        If a key is unknown or a value is out of range; the message names each of them.
    """
    where = f" in {origin}" if origin else ""
    if not isinstance(values, dict):
        raise SettingsError(
            f"The settings{where} are not a table of names and values.",
            expected="a mapping, `name: value` on each line",
            found=type(values).__name__,
            remedy="compare with a file in experiments/",
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError(
            f"Some settings{where} cannot be used.",
            expected=f"the fields of {kind.__name__}: {', '.join(kind.model_fields)}",
            found="; ".join(_describe(problem) for problem in error.errors()),
            remedy="correct or remove the fields named above",
        ) from error


def load_settings(path: Path, kind: type[SettingsKind]) -> SettingsKind:
    """Read settings from a YAML file.

    Raises
    ------
    SettingsError
        If the file is absent, is not YAML, or holds a field that cannot be used.
    """
    return settings_from(read_settings(path), kind, origin=str(path))


def read_settings(path: Path) -> Any:
    """Read what a settings file says, unchecked; an empty file says nothing.

    Raises
    ------
    SettingsError
        If the file is absent or is not YAML.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} cannot be read.",
            expected="a YAML file",
            found=error.strerror or "an unreadable file",
            remedy="check the path",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings file {path} is not valid YAML.",
            expected="`name: value` on each line",
            found=" ".join(str(error).split()),
            remedy="mend the line named above",
        ) from error
    return {} if values is None else values


def settings_text(settings: Settings) -> str:
    """Return settings as YAML, fields in their declared order."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _describe(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    said = problem["msg"].removeprefix("Value error, ")
    if not name:
        return str(said)
    if problem["type"] == "extra_forbidden":
        return f"`{name}` is not a known field"
    if problem["type"] == "missing":
        return f"`{name}` is missing"
    return f"`{name}`: {said} (given: {problem.get('input')!r})"
