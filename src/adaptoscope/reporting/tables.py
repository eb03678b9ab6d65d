"""Tables of results: how well methods count, and how well screening judges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from adaptoscope.errors import InputError
from adaptoscope.metrics.counts import CountErrors
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.paired import LEAST_COMPARED

NO_VALUE = "–"


@dataclass(frozen=True)
class Table:
    """A table ready to be shown: every cell is text already.

    Parameters
    ----------
    rows
        One tuple of texts per row, each as long as ``columns``.
    caption
        What the table shows, in one or two sentences.
    best
        Index of the row that is emphasised, or ``None``.
    text_columns
        How many columns from the left hold words (flush left); the others hold numbers.
    words_at_end
        How many columns from the right hold words too.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    best: int | None = None
    text_columns: int = 1
    words_at_end: int = 0

    def is_words(self, column: int) -> bool:
        """Tell whether a column, counted from 0, holds words."""
        return not self.text_columns <= column < len(self.columns) - self.words_at_end

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the headings."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InputError(
                    "A row does not fit its table.",
                    expected=f"{len(self.columns)} cells ({', '.join(self.columns)})",
                    found=f"{len(row)} cells",
                )


@dataclass(frozen=True)
class CountingRow:
    """How one method counted the test images.

    Parameters
    ----------
    init
        What its weights began with; empty for methods without weights.
    labels
        Number of labelled real images that it used, tuning included.
    seeds
        Number of runs with different seeds; the errors are means over them.
    mae_interval
        Interval of the mean absolute error, or ``None`` if it was not measured.
    """

    method: str
    init: str
    labels: int
    seeds: int
    errors: CountErrors
    mae_interval: Interval | None = None


@dataclass(frozen=True)
class ScreeningRow:
    """What screening found in one set of stylised images.

    Parameters
    ----------
    precision, recall, f1
        Cells found again against the layout, 0 to 1, over all images.
    rejects
        Reason to number of images rejected for it.
    """

    method: str
    images: int
    precision: float
    recall: float
    f1: float
    kept: int
    rejects: dict[str, int] = field(default_factory=dict)

    @property
    def share_kept(self) -> float:
        """Share of the images that passed, 0 to 1; NaN where there was none."""
        return self.kept / self.images if self.images else math.nan


def best_row(rows: Sequence[CountingRow]) -> int | None:
    """Return the index of the row with the smallest mean absolute error; ``None`` without rows."""
    usable = [index for index, row in enumerate(rows) if math.isfinite(row.errors.mae)]
    return min(usable, key=lambda index: rows[index].errors.mae, default=None)


def counting_table(rows: Sequence[CountingRow], *, caption: str = "") -> Table:
    """Lay out counting results, the best row emphasised unless images are too few to rank rows.

    Parameters
    ----------
    rows
        In the order in which they are shown.
    """
    columns = (
        "Method",
        "Initial weights",
        "Labels used",
        "Seeds",
        "MAE [95\u00a0% interval]",
        "RMSE",
        "Bias",
        "Within 5\u00a0%",
        "Within 10\u00a0%",
    )
    # A tenth of a cell is finer than the intervals are, unless images hold next to no cells.
    digits = 2 if any(row.errors.mae < 1 for row in rows) else 1
    return Table(
        columns=columns,
        rows=tuple(_counting_cells(row, digits) for row in rows),
        caption=caption,
        best=best_row(rows) if _enough(rows) else None,
        text_columns=2,
    )


def _enough(rows: Sequence[CountingRow]) -> bool:
    return all(row.errors.n >= LEAST_COMPARED for row in rows)


def screening_table(rows: Sequence[ScreeningRow], *, caption: str = "") -> Table:
    """Lay out what screening found, with one column for each reason to reject.

    Parameters
    ----------
    rows
        In the order in which they are shown.
    """
    reasons = sorted({reason for row in rows for reason in row.rejects})
    rejected = (f"Rejected: {reason.replace('_', ' ')}" for reason in reasons)
    return Table(
        columns=("Images", "Number", "F1", "Precision", "Recall", "Kept", *rejected),
        rows=tuple(_screening_cells(row, reasons) for row in rows),
        caption=caption,
    )


def main_result(rows: Sequence[CountingRow], images: str) -> str:
    """Say the main result in words.

    Parameters
    ----------
    rows
        Counting results, any order.
    images
        What was counted, as in "the 19 test images".

    Returns
    -------
    str
        One or two sentences, naming the best method, its error and what it needed.
    """
    best = best_row(rows)
    if best is None:
        return f"No method counted {images}."
    row = rows[best]
    interval = row.mae_interval
    sure = (
        f" ({100 * interval.level:.0f} % interval {interval.lower:.1f} to {interval.upper:.1f})"
        if interval
        else ""
    )
    if not _enough(rows):
        sure = " (too few images for an interval, or to rank methods)"
    labels = "no labelled image" if row.labels == 0 else f"{row.labels} labelled images"
    sentence = (
        f"On {images}, {row.method} came closest: {row.errors.mae:.1f} cells off on average{sure}, "
        f"with {labels}."
    )
    others = [other for index, other in enumerate(rows) if index != best]
    second = best_row(others)
    if second is None:
        return sentence
    runner = others[second]
    return f"{sentence} Next came {runner.method}, {runner.errors.mae:.1f} cells off."


def markdown(table: Table) -> str:
    """Return a table as Markdown, for a file or a terminal.

    Parameters
    ----------
    table
        The best row is set in bold.
    """
    rules = ["---" if table.is_words(index) else "---:" for index in range(len(table.columns))]
    lines = [_line(table.columns), _line(rules)]
    for index, row in enumerate(table.rows):
        lines.append(_line([f"**{cell}**" for cell in row] if index == table.best else row))
    return "\n".join(lines) + "\n"


def _counting_cells(row: CountingRow, digits: int) -> tuple[str, ...]:
    errors = row.errors
    mae = number(errors.mae, digits=digits)
    if row.mae_interval:
        lower, upper = row.mae_interval.lower, row.mae_interval.upper
        mae += f" [{number(lower, digits=digits)}, {number(upper, digits=digits)}]"
    return (
        row.method,
        row.init or NO_VALUE,
        str(row.labels),
        str(row.seeds) if row.seeds else NO_VALUE,
        mae,
        number(errors.rmse, digits=digits),
        number(errors.bias, digits=digits, sign=True),
        share(errors.within_5),
        share(errors.within_10),
    )


def _screening_cells(row: ScreeningRow, reasons: Sequence[str]) -> tuple[str, ...]:
    rejected = (row.rejects.get(reason, 0) for reason in reasons)
    return (
        row.method,
        str(row.images),
        number(row.f1, digits=3),
        number(row.precision, digits=3),
        number(row.recall, digits=3),
        share(row.share_kept),
        *(share(count / row.images if row.images else math.nan) for count in rejected),
    )


def number(value: float, *, digits: int = 2, sign: bool = False) -> str:
    """Return a number as text; a dash where it is not finite.

    Examples
    --------
    >>> number(-3.14159), number(2.0, sign=True), number(float("nan"))
    ('−3.14', '+2.00', '–')
    """
    if not math.isfinite(value):
        return NO_VALUE
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def with_bounds(value: float, bounds: tuple[float, float], *, digits: int = 3) -> str:
    """Return a number with the bounds of its interval as text, where it has one.

    Examples
    --------
    >>> with_bounds(0.95, (0.9, 0.975), digits=2)
    '0.95 [0.90, 0.97]'
    >>> with_bounds(0.95, (float("nan"), float("nan")), digits=2)
    '0.95'
    """
    if all(math.isnan(bound) for bound in bounds):
        return number(value, digits=digits)
    lower, upper = (number(bound, digits=digits) for bound in bounds)
    return f"{number(value, digits=digits)} [{lower}, {upper}]"


def share(value: float) -> str:
    """Return a share of 0 to 1 as per cent; a dash where it is not finite.

    Examples
    --------
    >>> share(0.4737), share(float("nan"))
    ('47 %', '–')
    """
    return f"{100 * value:.0f} %" if math.isfinite(value) else NO_VALUE


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
