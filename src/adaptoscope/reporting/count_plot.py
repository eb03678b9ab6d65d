"""One plot of the counts of many images, with their intervals and those to be looked at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adaptoscope.errors import InputError, printable
from adaptoscope.reporting.figures import (
    DOT,
    LINE,
    QUIET,
    Picture,
    open_frame,
    png_of,
    text_as_it_is,
)

MOST_NAMED = 45
"""With more images than this, they are numbered along the axis and not named."""

_PLAIN, _FLAGGED, _FAILED = DOT, LINE, QUIET
_MEANING = {"counted": "counted", "flagged": "flagged: look at it", "failed": "failed: no count"}
_LONGEST_NAME = 34
_IDENTIFIER = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{16,}")
"""What microscopes put into names to make them unique, and no person reads."""
_WITHOUT_LINE = "without a line: no interval holds"
_DPI = 130


@dataclass(frozen=True)
class CountToPlot:
    """One image; ``count`` is None where it failed.

    Parameters
    ----------
    lower, upper
        Interval of the count, where there is one.
    flagged
        Whether somebody should look at the image.
    """

    image: str
    count: float | None
    lower: float | None = None
    upper: float | None = None
    flagged: bool = False


def plot_counts(counts: Sequence[CountToPlot], *, title: str = "") -> Picture:
    """Draw the counts of images in their order.

    Parameters
    ----------
    counts
        One for each image, at least one.

    Returns
    -------
    Picture
        A PNG: a row with its name for each image, or, above `MOST_NAMED` images, a column for each.
        Flagged images are triangles; failed ones are crosses at zero.
    """
    if not counts:
        raise InputError("There is no count to draw.", expected="at least one image")
    named = len(counts) <= MOST_NAMED
    size = (7.5, 1.3 + 0.21 * len(counts)) if named else (11.0, 4.6)
    with text_as_it_is():
        figure = Figure(figsize=size, layout="constrained", dpi=_DPI)
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for kind in ("counted", "flagged", "failed"):
            _draw_kind(axes, counts, kind, upright=not named)
        _label(axes, counts, named=named)
        axes.set_title(printable(title, keep=""), fontsize=10, loc="left")
        if _some_have_an_interval(counts):
            axes.plot([], [], " ", label=_WITHOUT_LINE)
        if axes.get_legend_handles_labels()[1] != [_MEANING["counted"]]:
            figure.legend(loc="outside lower right", ncols=4, frameon=False, fontsize=8)
        content = png_of(figure)
    flagged = sum(each.flagged for each in counts)
    failed = sum(each.count is None for each in counts)
    return Picture(
        content=content,
        kind="image/png",
        alt=f"Counts of {len(counts)} images, {flagged} flagged and {failed} failed.",
    )


def _draw_kind(axes: Axes, counts: Sequence[CountToPlot], kind: str, *, upright: bool) -> None:
    chosen = [(place, each) for place, each in enumerate(counts, 1) if _kind_of(each) == kind]
    if not chosen:
        return
    places = np.array([place for place, _ in chosen], dtype=np.float64)
    values = np.array([each.count or 0.0 for _, each in chosen])
    colour = {"counted": _PLAIN, "flagged": _FLAGGED, "failed": _FAILED}[kind]
    marker = {"counted": "o", "flagged": "^", "failed": "x"}[kind]
    intervals = [(place, each.lower, each.upper) for place, each in chosen if _has_interval(each)]
    crowded = len(counts) > 150
    if intervals:
        at, low, high = (np.array(side) for side in zip(*intervals, strict=True))
        lines = axes.vlines if upright else axes.hlines
        lines(at, low, high, colors=colour, linewidth=0.8 if crowded else 1.4, alpha=0.55)
    x, y = (places, values) if upright else (values, places)
    size = 12 if crowded else 24
    axes.scatter(
        x, y, s=size * (1.6 if kind != "counted" else 1), c=colour, marker=marker, zorder=3,
        linewidths=1.2 if kind == "failed" else 0, label=_MEANING[kind], clip_on=False,
    )  # fmt: skip


def _label(axes: Axes, counts: Sequence[CountToPlot], *, named: bool) -> None:
    interval = any(_has_interval(each) for each in counts)
    amount = "cells, with the 90 % interval" if interval else "cells"
    set_amount: Any = axes.set_xlabel if named else axes.set_ylabel
    set_amount(amount)
    if named:
        names = _short_names([printable(each.image, keep="") for each in counts])
        axes.set_yticks(np.arange(1, len(counts) + 1), names)
        axes.tick_params(axis="y", labelsize=7.5, length=0)
        axes.set_ylim(len(counts) + 0.7, 0.3)
        axes.set_xlim(left=0)
    else:
        axes.set_xlabel("image, in the order of the table")
        axes.set_xlim(0, len(counts) + 1)
        axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
        axes.set_ylim(bottom=0)
    axes.grid(axis="x" if named else "y", color="#dde3ea", linewidth=0.7)
    axes.set_axisbelow(True)
    open_frame(axes)


def _kind_of(count: CountToPlot) -> str:
    if count.count is None:
        return "failed"
    return "flagged" if count.flagged else "counted"


def _has_interval(count: CountToPlot) -> bool:
    return count.lower is not None and count.upper is not None


def _some_have_an_interval(counts: Sequence[CountToPlot]) -> bool:
    """Say whether there are intervals, and counts without one."""
    return len({_has_interval(each) for each in counts if each.count is not None}) == 2


def _short_names(names: Sequence[str]) -> list[str]:
    """Leave out of long names what does not tell them apart: identifiers, and what all share."""
    if len(names) < 2 or max(map(len, names)) <= _LONGEST_NAME:
        return [_without_middle(name) for name in names]
    readable = [_IDENTIFIER.sub("…", name) for name in names]
    if len(set(readable)) == len(set(names)):
        names = readable
    words = [re.split(r"([\W_]+)", name) for name in names]
    before = _shared_start(words)
    after = _shared_start([each[before:][::-1] for each in words])
    start, end = ("…" if before else ""), ("…" if after else "")
    parts = ["".join(each[before : len(each) - after]) for each in words]
    short = [(start + part + end).replace("……", "…") for part in parts]
    return [_without_middle(name) for name in short]


def _shared_start(words: Sequence[Sequence[str]]) -> int:
    """Return with how many equal words all names begin."""
    different = (at for at, each in enumerate(zip(*words, strict=False)) if len(set(each)) > 1)
    return next(different, min(map(len, words)))


def _without_middle(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    half = (_LONGEST_NAME - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
