"""Typed, frozen settings and their YAML form."""

from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from adaptoscope.errors import SettingsError
from adaptoscope.training.setting_problems import Problem, problems_of, shown

SettingsKind = TypeVar("SettingsKind", bound="Settings")


class Settings(BaseModel):
    """Base of all settings: frozen, every key known, documented field by field."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def changed(self, **values: Any) -> Self:
        """Return a checked copy in which the given fields have new values."""
        return settings_from({**self.model_dump(), **values}, type(self))


def settings_from(values: object, kind: type[SettingsKind], *, origin: str = "") -> SettingsKind:
    """Check plain values and return them as settings.

    Parameters
    ----------
    values
        A mapping of field name to value, as read from YAML.
    origin
        Where the values came from, for the error message.
    """
    where = f" in {origin}" if origin else ""
    if not isinstance(values, dict):
        raise SettingsError(
            f"The settings{where} are not a table of names and values.",
            expected="a mapping, `name: value` on each line",
            found=shown(values),
            remedy="compare with a file in experiments/",
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems, more = problems_of(error, values, kind)
        lines = _lines(origin, problems)
        found = [problem.text(line) for problem, line in zip(problems, lines, strict=True)]
        known = next((problem.known for problem in problems if problem.known), ())
        raise SettingsError(
            f"Some settings{where} cannot be used.",
            expected=f"one of the fields {', '.join(known)}"
            if known
            else "known names, each with a value of its kind",
            found="; ".join([*found, *([f"and {more} more"] if more else [])]),
            remedy="correct or remove the fields named above",
        ) from error


def _lines(origin: str, problems: list[Problem]) -> list[int | None]:
    """Look up where fields stand in the file that settings came from, if it is one."""
    import yaml

    from adaptoscope.training.yaml_text import lines_of

    try:
        text = (
            Path(origin).read_text(encoding="utf-8") if origin.endswith((".yaml", ".yml")) else ""
        )
        return lines_of(text, [problem.place for problem in problems])
    except (OSError, ValueError, yaml.YAMLError):
        return [None] * len(problems)


def load_settings(path: Path, kind: type[SettingsKind]) -> SettingsKind:
    """Read settings from a YAML file."""
    return settings_from(read_settings(path), kind, origin=str(path))


def read_settings(path: Path) -> Any:
    """Read what a settings file says, unchecked; an empty file says nothing."""
    # Imported with the first file: most commands read no settings.
    from adaptoscope.training.yaml_text import UnreadableYaml, yaml_values

    try:
        values = yaml_values(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} cannot be read.",
            expected="a YAML file",
            found=error.strerror or "an unreadable file",
            remedy="check the path",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"The settings file {path} is not text.",
            expected="a YAML file, saved as UTF-8",
            found=f"byte {error.start + 1} belongs to no letter",
            remedy="check the path, or save the file as UTF-8",
        ) from error
    except UnreadableYaml as error:
        raise SettingsError(
            f"The settings file {path} is not valid YAML.",
            expected="`name: value` on each line",
            found=str(error),
            remedy="mend the line named above",
        ) from error
    return {} if values is None else values


def settings_text(settings: Settings) -> str:
    """Return settings as YAML, fields in their declared order."""
    import yaml

    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
