"""The table of a study that has all shifts side by side."""

from __future__ import annotations

from collections.abc import Sequence

from adaptoscope.reporting.tables import NO_VALUE, Table
from experiments.stain_study.lines import Line

_CAPTION = (
    "Pearson's correlation on test, a mean over stains, fields and seeds, with its 95 % interval "
    "over fields; of a single field, the range over seeds. x2: two seeds are told to have run "
    "away, without labels. The oracle learns from target stains."
)


def summary_table(shifts: Sequence[str], lines: Sequence[Line]) -> Table:
    """Return a table with a row for each way to adapt and a column for each shift.

    Parameters
    ----------
    shifts
        Their names, in order.
    lines
        Of all shifts.
    """
    several_rates = len({line.task.rate for line in lines if line.layers}) > 1
    cells: dict[str, dict[str, str]] = {}
    for line in sorted(lines, key=_place):
        mark = f" x{line.marked}" if line.marked else ""
        name = _name(line, several_rates=several_rates)
        cells.setdefault(name, {})[line.task.shift.name] = line.with_interval() + mark
    rows = tuple(
        (name, *(found.get(shift, NO_VALUE) for shift in shifts)) for name, found in cells.items()
    )
    return Table(("Method", *shifts), rows, text_columns=1, caption=_CAPTION)


def _place(line: Line) -> int:
    """Order rows: what learns nothing, layers, restyled pairs, and last the upper bound."""
    if line.task.method == "oracle":
        return 3
    if line.task.restyled:
        return 2
    return 1 if line.layers else 0


def _name(line: Line, *, several_rates: bool) -> str:
    task = line.task
    words = task.way.words if task.restyled or task.method == "adversarial" else task.method
    if task.method in ("coral", "mmd"):
        words += f", layer {line.layers}"
    if line.layers and several_rates:
        words += f", {task.rate:g}"
    if task.target_images is not None:
        words += f", {task.target_images} image" + ("s" if task.target_images > 1 else "")
    return words
