"""The report of an evaluation: how far a counter is off, where, and on which images most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.metrics.counts import CountErrors
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.limits_of_agreement import limits_of_agreement
from adaptoscope.metrics.paired import PairedDifference
from adaptoscope.metrics.point_matching import PooledShares
from adaptoscope.reporting.agreement_plots import agreement_panels, differences_by_class
from adaptoscope.reporting.figures import MethodCounts, Picture
from adaptoscope.reporting.html import Facts, Gallery, GalleryColumn, Paragraph, Report
from adaptoscope.reporting.marked_image import MARKS
from adaptoscope.reporting.tables import NO_VALUE, Table, number, share

_COUNTS_CAPTION = (
    "MAE: mean absolute error in cells per image, with its 95 % bootstrap interval over images. "
    "RMSE: root of the mean squared error in cells. Bias: mean of predicted minus true, in cells. "
    "MAPE: mean error relative to the true count, over images with cells. Within 5 % and 10 %: "
    "share of the images counted that closely."
)
_PLACES_CAPTION = (
    "F1, precision and recall of the found centres over all images; a centre is right within half "
    "the diameter of its cell. GAME: absolute errors in cells added up over an image divided into "
    "1, 4, 16 and 64 equal parts, mean over the images; the first is the MAE."
)
_LIVE_AND_DEAD = "Live and dead cells are not told apart."


@dataclass(frozen=True, eq=False)
class ReportedCounter:
    """How one counter did.

    Parameters
    ----------
    points, game
        Of the found centres; None where the counter gives none.
    by_density
        Errors by class of density, from sparse to dense.
    predicted, true
        Shape (N,), cells per image.
    density_classes
        Class of each image.
    """

    name: str
    errors: CountErrors
    mae_interval: Interval
    points: PooledShares | None
    game: tuple[float, ...] | None
    by_density: Mapping[str, CountErrors]
    predicted: npt.NDArray[np.float64]
    true: npt.NDArray[np.float64]
    density_classes: Sequence[str]


@dataclass(frozen=True)
class WorstImage:
    """One of the images that were counted worst.

    Parameters
    ----------
    lost, invented
        Cells that were not found, and found places without a cell; None without positions.
    pictures
        The whole image, a part of it, and that part with its cells marked; may be empty.
    """

    name: str
    density_class: str
    true: float
    predicted: float
    lost: int | None = None
    invented: int | None = None
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class EvaluationRun:
    """What an evaluation has to tell.

    Parameters
    ----------
    images
        What was counted, as it stands in a sentence: "the 19 images of the split test of idcia".
    worst
        Its worst images, the worst first.
    provenance
        Name of an input to what it is.
    other, difference
        Another counter on the same images, and how much more the first is off; None without one.
    remarks
        Further sentences below the main result.
    """

    images: str
    counter: ReportedCounter
    worst: Sequence[WorstImage]
    provenance: Mapping[str, str]
    other: ReportedCounter | None = None
    difference: PairedDifference | None = None
    remarks: Sequence[str] = ()


def evaluation_report(run: EvaluationRun) -> Report:
    """Lay out an evaluation.

    Parameters
    ----------
    run
        All that is shown; no date, duration or fact of the machine is among it.

    Returns
    -------
    Report
        To be written with `Report.write`.
    """
    counter = run.counter
    counters = [counter] if run.other is None else [counter, run.other]
    report = Report(f"How well {counter.name} counts", f"Counted: {run.images}.")
    said = [_lead(run), *map(Paragraph, (*run.remarks, _LIVE_AND_DEAD))]
    if run.other is not None and run.difference is not None:
        said.insert(1, Paragraph(compared(counter.name, run.other.name, run.difference)))
    report.add("Result", *said)
    places = [_places_table(counters)] if any(each.points for each in counters) else []
    report.add("Errors", _counts_table(counters), *places)
    panels = [
        agreement_panels(
            MethodCounts(each.name, each.true, each.predicted, each.errors.mae),
            limits_of_agreement(each.predicted, each.true),
        )
        for each in counters
    ]
    report.add("Predicted against true counts", *panels)
    report.add(
        "Error by density of cells",
        _density_table(counters),
        differences_by_class(_differences(counter)),
    )
    if run.worst:
        report.add("Worst images", _worst_table(run.worst), *_gallery(run.worst))
    report.add("Where everything came from", Facts(run.provenance))
    return report


def compared(first: str, second: str, found: PairedDifference) -> str:
    """Say which of two counters is nearer to the truth, and how sure that is.

    Parameters
    ----------
    found
        Mean absolute error of the first minus that of the second.
    """
    difference = found.difference
    level = f"{100 * difference.level:.0f} %"
    bounds = f"{level} interval {number(difference.lower, sign=True)} to "
    bounds += number(difference.upper, sign=True)
    value = number(difference.value, sign=True)
    sentence = f"MAE of {first} minus MAE of {second}: {value} cells ({bounds})."
    if found.tells_apart:
        nearer = first if difference.value < 0 else second
        return f"{sentence} The interval excludes 0: {nearer} is nearer to the truth."
    why = (
        "These images are too few to"
        if found.excludes_zero
        else "The interval holds 0: they do not"
    )
    return f"{sentence} {why} tell which of the two is nearer."


def _lead(run: EvaluationRun) -> Paragraph:
    counter = run.counter
    interval = counter.mae_interval
    text = (
        f"On {run.images}, {counter.name} is {counter.errors.mae:.1f} cells off on average (95 % "
        f"interval {interval.lower:.1f} to {interval.upper:.1f}). "
    )
    bias = counter.errors.bias
    text += f"It counts {abs(bias):.1f} cells too {'many' if bias >= 0 else 'few'} on average."
    limits = limits_of_agreement(counter.predicted, counter.true)
    if np.isfinite(limits.lower):
        lower, upper = (
            number(limit, digits=1, sign=True) for limit in (limits.lower, limits.upper)
        )
        text += f" The 95 % limits of agreement are {lower} and {upper} cells."
    return Paragraph(text, role="lead")


def _counts_table(counters: Sequence[ReportedCounter]) -> Table:
    rows = []
    for each in counters:
        errors, interval = each.errors, each.mae_interval
        rows.append(
            (
                each.name,
                str(errors.n),
                f"{number(errors.mae)} [{number(interval.lower)}, {number(interval.upper)}]",
                number(errors.rmse),
                number(errors.bias, sign=True),
                share(errors.mape),
                number(errors.r2, digits=3),
                share(errors.within_5),
                share(errors.within_10),
            )
        )
    columns = ("Counter", "Images", "MAE [95 %]", "RMSE", "Bias", "MAPE", "R²", "Within 5 %")
    return Table((*columns, "Within 10 %"), tuple(rows), caption=_COUNTS_CAPTION)


def _places_table(counters: Sequence[ReportedCounter]) -> Table:
    levels = tuple(f"GAME({level})" for level in range(4))
    rows = []
    for each in counters:
        if each.points is None or each.game is None:
            rows.append((each.name, *(NO_VALUE,) * (3 + len(levels))))
            continue
        shares = (each.points.f1, each.points.precision, each.points.recall)
        numbers = (*(number(value, digits=3) for value in shares), *map(number, each.game))
        rows.append((each.name, *numbers))
    columns = ("Counter", "F1", "Precision", "Recall", *levels)
    return Table(columns, tuple(rows), caption=_PLACES_CAPTION)


def _density_table(counters: Sequence[ReportedCounter]) -> Table:
    rows = []
    for name, errors in counters[0].by_density.items():
        cells: list[str] = [name, str(errors.n)]
        for each in counters:
            own = each.by_density[name]
            cells += [number(own.mae), number(own.bias, sign=True), share(own.mape)]
        rows.append(tuple(cells))
    of = [f" of {each.name}" if len(counters) > 1 else "" for each in counters]
    headings = [f"{figure}{each}" for each in of for figure in ("MAE", "Bias", "MAPE")]
    return Table(("Density", "Images", *headings), tuple(rows))


def _differences(counter: ReportedCounter) -> dict[str, npt.NDArray[np.float64]]:
    classes = np.array(counter.density_classes)
    difference = counter.predicted - counter.true
    return {name: difference[classes == name] for name in reversed(list(counter.by_density))}


def _worst_table(worst: Sequence[WorstImage]) -> Table:
    rows = []
    for each in worst:
        error = each.predicted - each.true
        signed = number(100 * error / each.true, digits=0, sign=True) if each.true else ""
        relative = f"{signed} %" if signed else NO_VALUE
        numbers = (number(each.true, digits=0), number(each.predicted, digits=1))
        lost = NO_VALUE if each.lost is None else str(each.lost)
        invented = NO_VALUE if each.invented is None else str(each.invented)
        row = (*numbers, number(error, digits=1, sign=True), relative, lost, invented)
        rows.append((each.name, each.density_class, *row))
    columns = ("Image", "Density", "True", "Predicted", "Error", "Relative", "Lost", "Invented")
    caption = (
        "Images with the largest errors, in cells. Lost: true cells without a found centre. "
        "Invented: found centres without a true cell."
    )
    return Table(columns, tuple(rows), caption=caption, text_columns=2)


def _gallery(worst: Sequence[WorstImage]) -> list[Gallery]:
    shown = [each.pictures for each in worst if each.pictures]
    if not shown:
        return []
    titles = ("Whole image", "Framed part", "Its true and found cells")
    columns = [
        GalleryColumn(title, [pictures[place] for pictures in shown])
        for place, title in enumerate(titles)
    ]
    marks = f"{MARKS} A counter without positions has rings without dots for all true cells."
    return [
        Gallery(
            columns,
            caption=f"{marks} The frame stands where most cells are lost or invented. Grey values "
            "are stretched for display.",
        )
    ]
