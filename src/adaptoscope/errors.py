"""One family of errors, written for the person who meets them.

Every error that a user can cause says what was expected, what was found and what to do about it.
``assert`` is kept for mistakes of our own.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec

TRAINING_PACKAGES = ("torch", "lightning", "timm", "diffusers", "transformers")
"""What the extra `train` installs and only learning and stylising import."""

_EXTRAS = {
    "train": (*TRAINING_PACKAGES, "huggingface_hub", "onnx", "safetensors"),
    "formats": ("h5py", "zarr"),
    "web": ("openpyxl", "multipart", "starlette", "uvicorn"),
}

_LONGEST = 700
"""Characters of one part of a message at most: what a broken file holds can be any length."""


def shortened(text: str, most: int = 300) -> str:
    """Return a text with its middle left out where it is long.

    Examples
    --------
    >>> shortened("abcdefghijklmnopqrstuvwxyz", 10)
    'abcde ... vwxyz'
    """
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} ... {text[-half:]}"


def printable(text: str, *, keep: str = "\n\t") -> str:
    r"""Return a text as a terminal or a picture can show it without obeying it.

    Parameters
    ----------
    text
        For example a file name. Control characters and marks that turn the direction of writing
        become escapes such as ``\x1b``; bytes of a name that are not UTF-8, ``\xe9``.
    keep
        Control characters that stay; none where the text has to be a single line.

    Examples
    --------
    >>> print(printable("a" + chr(27) + "[31m.png"))
    a\x1b[31m.png
    """
    return "".join(
        letter if letter.isprintable() or letter in keep else _escaped(letter) for letter in text
    )


def _escaped(letter: str) -> str:
    # How Python holds a byte of a file name that is no UTF-8 (PEP 383).
    stray_byte = 0xDC80 <= ord(letter) <= 0xDCFF
    if stray_byte:
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


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
        lines = [_line(self.summary)]
        lines += [
            f"  {label}: {_line(text)}"
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


def _line(text: str) -> str:
    return printable(shortened(text, _LONGEST))


class InputError(AdaptoscopeError):
    """An image, a table or a folder cannot be used as it is."""


class SettingsError(AdaptoscopeError):
    """A setting is unknown, out of range, or contradicts another one."""


class LeakageError(AdaptoscopeError):
    """Images kept back for testing were about to be used for training or tuning."""


class MissingWeightsError(AdaptoscopeError):
    """Weights that were asked for are not on this machine."""


class MissingDependencyError(AdaptoscopeError):
    """Packages that were left out of the installation are needed."""


class OutputError(AdaptoscopeError):
    """The output folder holds something else and was left untouched."""


class DivergedError(OutputError):
    """A training went astray: its weights are no numbers any more, and were not written."""


def _rebuild(
    kind: type[AdaptoscopeError], summary: str, expected: str, found: str, remedy: str
) -> AdaptoscopeError:
    return kind(summary, expected=expected, found=found, remedy=remedy)


def require_training(purpose: str) -> None:
    """Refuse work that needs the extra `train` where that is not installed; nothing is imported.

    Parameters
    ----------
    purpose
        What needs it, as ``training a counter``.

    Raises
    ------
    MissingDependencyError
        If one of `TRAINING_PACKAGES` cannot be found.
    """
    missing = [name for name in TRAINING_PACKAGES if find_spec(name) is None]
    if missing:
        raise _missing(purpose, missing, "train")


def missing_extra(error: ModuleNotFoundError, purpose: str) -> MissingDependencyError | None:
    """Return an import's failure with the line that installs the extra; None for other causes.

    Parameters
    ----------
    error
        The failure.
    purpose
        What was to be done.
    """
    package = (error.name or "").partition(".")[0]
    extras = (extra for extra, packages in _EXTRAS.items() if package in packages)
    extra = next(extras, None)
    return None if extra is None else _missing(purpose, [package], extra)


def _missing(purpose: str, packages: Sequence[str], extra: str) -> MissingDependencyError:
    use = {
        "train": "all that learns or stylises",
        "formats": "OME-Zarr and HDF5",
        "web": "the app in the browser",
    }[extra]
    return MissingDependencyError(
        f"{purpose[:1].upper()}{purpose[1:]} needs packages that are not installed.",
        expected=f"Adaptoscope with its extra `{extra}`, for {use}",
        found=f"no {', '.join(packages)}",
        remedy=f'type: pip install "adaptoscope[{extra}]" (in a clone: pip install ".[{extra}]")',
    )


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
