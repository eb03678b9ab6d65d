"""YAML as settings are written in it: plain values, each name once, nothing that can run away."""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from adaptoscope.errors import shortened

_ADVICE = {
    "mapping values are not allowed": "put a text with `: ` in it between quotes",
    "cannot start any token": "indent with blanks, and put a text that begins so between quotes",
    "expected <block end>": "begin the lines of one table at the same column",
    "expected ',' or ']'": "close the bracket `[`",
    "expected ',' or '}'": "close the bracket `{`",
}
"""What usually mends what YAML's own reader complains of."""


_KINDS = {"int": "whole number", "float": "number", "bool": "true or false", "timestamp": "date"}


class UnreadableYaml(ValueError):
    """A text is not YAML of plain values; the message says where and why."""


class _Loader(yaml.SafeLoader):
    """Reads plain values; refuses names of values, and a name that stands twice in a table."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse `*name`: a few hundred characters of them unfold to gigabytes."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise UnreadableYaml(
                f"{_place(event.start_mark)}: `*{event.anchor}` stands for a value given "
                "elsewhere; write the value itself"
            )
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Say which value is not what it claims to be, as the date 2020-99-99."""
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
            if isinstance(error, UnreadableYaml):
                raise
            kind = node.tag.rsplit(":", 1)[-1]
            raise UnreadableYaml(
                f"{_place(node.start_mark)}: `{shortened(str(node.value), 60)}` cannot be read as "
                f"{_KINDS.get(kind, kind)}; put a text between quotes"
            ) from error

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Refuse a name that stands twice; the first value would be lost without a word."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                raise UnreadableYaml(
                    f"line {line}: `{shortened(key.value, 60)}` stands in line "
                    f"{lines[key.value]} already"
                )
            lines[key.value] = line
        return super().construct_mapping(node, deep=deep)


def yaml_values(text: str) -> Any:
    """Return the plain values that a text of YAML holds.

    Raises
    ------
    UnreadableYaml
        If it is no YAML, refers from one place to another, or holds a value that does not exist.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # a safe loader
    except yaml.YAMLError as error:
        raise UnreadableYaml(_said(error)) from error
    except RecursionError as error:
        raise UnreadableYaml("brackets or tables within one another, too deep to read") from error


def lines_of(text: str, places: Sequence[Sequence[str | int]]) -> list[int | None]:
    """Say in which line of a text of YAML values stand.

    Parameters
    ----------
    text
        YAML that `yaml_values` has read.
    places
        For each value the names and indices that lead to it.

    Returns
    -------
    list
        Lines, counted from 1; None where there is no such value.
    """
    root = yaml.compose(text, Loader=_Loader)
    return [_line_of(root, place) for place in places]


def _line_of(node: Any, place: Sequence[str | int]) -> int | None:
    line = None
    for part in place:
        found = next((found for found in _entries(node) if found[0] == str(part)), None)
        if found is None:
            return None
        _, mark, node = found
        line = mark.line + 1
    return line


def _entries(node: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), key.start_mark, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((str(index), each.start_mark, each) for index, each in enumerate(node.value))


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}"


def _said(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    advice = next((said for sign, said in _ADVICE.items() if sign in problem), "")
    return f"{where}{shortened(str(problem), 200)}" + (f" ({advice})" if advice else "")
