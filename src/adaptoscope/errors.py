"""One family of errors, written for the person who meets them.

Every error that a user can cause says what was expected, what was found and what to do about it.
``assert`` is kept for mistakes of our own.
"""

from collections.abc import Iterator, Mapping

# Lists of columns and of allowed names are shorter; what is longer was made by a damaged file.
_LONGEST_PART = 900


class AdaptoscopeError(Exception):
    """Something that the user can mend.

    Parameters
    ----------
    summary
        What went wrong, in one sentence.
    expected
        What would have been accepted.
    found
        What was there instead.
    remedy
        What to do next.
    """

    def __init__(
        self, summary: str, *, expected: str = "", found: str = "", remedy: str = ""
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.expected = expected
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the error as one readable block of up to four lines."""
        lines = [_cut(self.summary)]
        lines += [
            f"  {label}: {_cut(text)}"
            for label, text in (
                ("expected", self.expected),
                ("found", self.found),
                ("remedy", self.remedy),
            )
            if text
        ]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the four parts when the error crosses a process boundary."""
        return (_rebuild, (type(self), self.summary, self.expected, self.found, self.remedy))


class InputError(AdaptoscopeError):
    """An image, a table or a folder cannot be used as it is."""


class SettingsError(AdaptoscopeError):
    """A setting is unknown, out of range, or contradicts another one."""


class LeakageError(AdaptoscopeError):
    """Images kept back for testing were about to be used for training or tuning."""


class MissingWeightsError(AdaptoscopeError):
    """Weights that were asked for are not on this machine."""


class OutputError(AdaptoscopeError):
    """The output folder holds something else and was left untouched."""


class DivergedError(OutputError):
    """A training went astray: its weights are no numbers any more, and were not written."""


def _cut(text: str) -> str:
    """Shorten what a damaged file has put into a message."""
    return text if len(text) <= _LONGEST_PART else f"{text[:_LONGEST_PART]}..."


def _rebuild(
    kind: type[AdaptoscopeError], summary: str, expected: str, found: str, remedy: str
) -> AdaptoscopeError:
    return kind(summary, expected=expected, found=found, remedy=remedy)


def describe_differences(before: object, now: object, *, most: int = 8) -> str:
    """Say which entries of two nested tables differ, for the line ``found`` of an error.

    Parameters
    ----------
    before, now
        Plain values as YAML or JSON give them; entries of tables are named with dots between. An
        entry that is not there differs from one that is empty.
    most
        At most so many are named; the rest is counted.
    """
    differing = list(_differences(before, now, ""))
    named = [f"{name}: {old} before, {new} now" for name, old, new in differing[:most]]
    rest = len(differing) - len(named)
    return "; ".join(named) + (f"; and {rest} more" if rest else "")


def _differences(before: object, now: object, name: str) -> Iterator[tuple[str, str, str]]:
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        if before != now:
            yield name or "all", repr(before), repr(now)
        return
    for key in [*before, *(key for key in now if key not in before)]:
        inner = f"{name}.{key}" if name else str(key)
        if key in before and key in now:
            yield from _differences(before[key], now[key], inner)
        else:
            yield inner, _shown(before, key), _shown(now, key)


def _shown(table: Mapping[str, object], key: str) -> str:
    return repr(table[key]) if key in table else "absent"
