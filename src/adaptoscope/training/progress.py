"""Progress on standard error, shown only where a person has to wait."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Timer
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from adaptoscope.errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")

# A person waits so long without a word; a log file is to stay short.
PATIENCE_SECONDS = 2.0
FIRST_LINE_SECONDS = 10.0
LINE_EVERY_SECONDS = 30.0

_shown: list["Progress"] = []
_whole: ContextVar[tuple[str, ...]] = ContextVar("whole", default=())


class Advance(Protocol):
    """Tells the display that a step is done."""

    def __call__(self, note: str = "") -> None:
        """Count one step and show a short note behind the description."""
        ...


@contextmanager
def part_of(name: str) -> Iterator[None]:
    """Name the larger work that everything shown inside is a part of, before its description."""
    token = _whole.set((*_whole.get(), name))
    try:
        yield
    finally:
        _whole.reset(token)


@contextmanager
def progress_display(
    description: str, total: int | None, *, done: int = 0, unit: str = ""
) -> Iterator[Advance]:
    """Show how far a piece of work is and how long it will take, once it has taken two seconds.

    A terminal gets a bar; a log file gets a line after ten seconds, then at most every half minute,
    or every ``ADAPTOSCOPE_LINE_SECONDS``.
    Standard output is never touched.

    Parameters
    ----------
    total
        Number of steps, or ``None`` if unknown.
    unit
        What one step is, as ``image``; stands before the number.

    Yields
    ------
    Advance
        To be called after each step, with a note if there is something to say.
    """
    whole = ", ".join(_whole.get())
    description = printable(f"{whole}: {description}" if whole else description)
    if _on_terminal():
        with _bar(description, total, done, unit) as advance:
            yield advance
    else:
        yield _lines(f"{description}:{f' {unit}' if unit else ''}", total, done, part=bool(whole))


def progress(
    iterable: Iterable[Item], description: str, total: int | None = None, *, unit: str = ""
) -> Iterator[Item]:
    """Go through items and show how far one is.

    Parameters
    ----------
    total
        Number of items; by default the length of ``iterable`` where it has one.
    unit
        What one item is, as ``image``.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with progress_display(description, total, unit=unit) as advance:
        for item in iterable:
            yield item
            advance()


def time_left(seconds: float) -> str:
    """Return a time that is left in words, no finer than it can be known.

    Examples
    --------
    >>> time_left(2), time_left(44), time_left(100), time_left(4000)
    ('a few seconds left', 'about 40 s left', 'about 2 min left', 'about 1 h 10 min left')
    """
    if seconds < 5:
        return "a few seconds left"
    if seconds < 55:
        return f"about {max(1, round(seconds / 10)) * 10} s left"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min left"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"about {hours} h {rest} min left" if rest else f"about {hours} h left"


def _on_terminal() -> bool:
    here = sys.stderr is not None and sys.stderr.isatty()
    return here or bool(os.environ.get("FORCE_COLOR"))


@contextmanager
def _bar(description: str, total: int | None, done: int, unit: str) -> Iterator[Advance]:
    """Show a bar, below that of the work which this is a part of."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    outer = _shown[-1] if _shown else None
    if outer is not None:
        task = outer.add_task(description, total=total, completed=done, unit=unit, note="")
        try:
            yield _advance_of(outer, task)
        finally:
            outer.remove_task(task)
        return
    # Names of images may hold brackets, which are no mark-up.
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
        TextColumn("{task.fields[note]}", markup=False),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(description, total=total, completed=done, unit=unit, note="")
    timer = Timer(PATIENCE_SECONDS, bar.start)
    timer.daemon = True
    timer.start()

    _shown.append(bar)
    try:
        yield _advance_of(bar, task)
    finally:
        _shown.remove(bar)
        timer.cancel()
        timer.join()
        bar.stop()


def _advance_of(bar: "Progress", task: Any) -> Advance:
    def advance(note: str = "") -> None:
        bar.update(task, advance=1, note=printable(note))

    return advance


def _lines(begin: str, total: int | None, done: int, *, part: bool) -> Advance:
    finished = done
    began = time.monotonic()
    every = float(os.environ.get("ADAPTOSCOPE_LINE_SECONDS", LINE_EVERY_SECONDS))
    next_line = began + min(every, FIRST_LINE_SECONDS)

    def advance(note: str = "") -> None:
        nonlocal finished, next_line
        finished += 1
        now = time.monotonic()
        at_end = finished == total and now - began > PATIENCE_SECONDS
        if not at_end and now < next_line:
            return
        next_line = now + every
        line = f"{begin} {finished}{f' of {total}' if total else ''}"
        if total and finished < total:
            left = (now - began) / (finished - done) * (total - finished)
            line += f", {time_left(left)}{' in this part' if part else ''}"
        sys.stderr.write(f"{line}; {printable(note)}\n" if note else f"{line}\n")

    return advance
