"""Progress on standard error, shown only where a person has to wait."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Timer
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")

PATIENCE_SECONDS = 2.0
LINE_EVERY_SECONDS = 30.0

_shown: list[Progress] = []
_whole: ContextVar[tuple[str, ...]] = ContextVar("whole", default=())


class Advance(Protocol):
    """Tells the display that a step is done."""

    def __call__(self, note: str = "") -> None:
        """Count one step and show a short note behind the description."""
        ...


@contextmanager
def part_of(name: str) -> Iterator[None]:
    """Name the larger work that everything shown inside is a part of, before its description.

    Parameters
    ----------
    name
        What is being done, in a few words.
    """
    token = _whole.set((*_whole.get(), name))
    try:
        yield
    finally:
        _whole.reset(token)


@contextmanager
def progress_display(description: str, total: int | None, *, done: int = 0) -> Iterator[Advance]:
    """Show how far a piece of work is, once it has taken more than two seconds.

    A terminal gets a bar; a log file gets a line at most every half minute. Standard output is
    never touched.

    Parameters
    ----------
    description
        What is being done, in a few words.
    total
        Number of steps, or ``None`` if unknown.
    done
        Steps that an earlier run finished.

    Yields
    ------
    Advance
        To be called after each step, with a note if there is something to say.
    """
    whole = ", ".join(_whole.get())
    description = f"{whole}: {description}" if whole else description
    if Console(stderr=True).is_terminal:
        with _bar(description, total, done) as advance:
            yield advance
    else:
        yield _lines(description, total, done)


def progress(
    iterable: Iterable[Item], description: str, total: int | None = None
) -> Iterator[Item]:
    """Go through items and show how far one is.

    Parameters
    ----------
    iterable
        The items; handed on unchanged.
    description
        What is being done, in a few words.
    total
        Number of items; by default the length of ``iterable`` where it has one.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with progress_display(description, total) as advance:
        for item in iterable:
            yield item
            advance()


@contextmanager
def _bar(description: str, total: int | None, done: int) -> Iterator[Advance]:
    """Show a bar, below that of the work which this is a part of."""
    outer = _shown[-1] if _shown else None
    if outer is not None:
        task = outer.add_task(description, total=total, completed=done)
        try:
            yield _advance_of(outer, task, description)
        finally:
            outer.remove_task(task)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(description, total=total, completed=done)
    timer = Timer(PATIENCE_SECONDS, bar.start)
    timer.daemon = True
    timer.start()

    _shown.append(bar)
    try:
        yield _advance_of(bar, task, description)
    finally:
        _shown.remove(bar)
        timer.cancel()
        timer.join()
        bar.stop()


def _advance_of(bar: Progress, task: TaskID, description: str) -> Advance:
    def advance(note: str = "") -> None:
        bar.update(task, advance=1, description=f"{description} {note}".rstrip())

    return advance


def _lines(description: str, total: int | None, done: int) -> Advance:
    finished = done
    last = time.monotonic()
    began = last

    def advance(note: str = "") -> None:
        nonlocal finished, last
        finished += 1
        now = time.monotonic()
        at_end = finished == total and now - began > PATIENCE_SECONDS
        if at_end or now - last > LINE_EVERY_SECONDS:
            last = now
            line = f"{description}: {finished}{f' of {total}' if total else ''} {note}"
            sys.stderr.write(line.rstrip() + "\n")

    return advance
