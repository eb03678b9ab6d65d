"""Error against number of labels: what labels are worth, and what takes their place."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from adaptoscope.errors import InputError
from adaptoscope.reporting.figures import DOT, INK, LINE, QUIET, STYLE, Picture, open_frame, svg_of
from adaptoscope.reporting.tables import NO_VALUE, Table, number

_COLOURS = (DOT, LINE, "#5b7f1e", "#7a3e9d", QUIET, INK)
_DASHES = ("-", "--", ":")
_MARKS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class CurvePoint:
    """One counter at one number of labels.

    Parameters
    ----------
    curve
        Points of one curve are joined.
    labels
        Labelled real images that were learnt from.
    mae_by_seed
        Mean absolute error of each seed, in cells; at least one.
    """

    curve: str
    labels: float
    mae_by_seed: tuple[float, ...]

    @property
    def mae(self) -> float:
        """The mean over the seeds."""
        return sum(self.mae_by_seed) / len(self.mae_by_seed)


def label_curve_plot(points: Sequence[CurvePoint]) -> Picture:
    """Draw the error against the number of labels, one line for each curve.

    Parameters
    ----------
    points
        In any order; both axes are logarithmic, but for 0 labels.

    Returns
    -------
    Picture
        An SVG. The band reaches from the smallest to the largest error of a seed.
    """
    curves = _by_curve(points)
    numbers = sorted({point.labels for point in points})
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 4.0), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for index, (name, line) in enumerate(curves.items()):
            colour = _COLOURS[index % len(_COLOURS)]
            labels = [point.labels for point in line]
            low, high = ([ends(p.mae_by_seed) for p in line] for ends in (min, max))
            axes.fill_between(labels, low, high, color=colour, alpha=0.12, linewidth=0)
            axes.plot(
                labels,
                [point.mae for point in line],
                color=colour,
                linestyle=_DASHES[index // len(_COLOURS) % len(_DASHES)],
                marker=_MARKS[index % len(_MARKS)],
                markersize=4,
                linewidth=1.2,
                label=name,
            )
        axes.set_xscale("symlog", linthresh=2.0, linscale=0.5)
        axes.set_xticks(numbers, [f"{labels:g}" for labels in numbers])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(-0.3, 1.1 * max(numbers[-1], 1.0))
        if min(min(point.mae_by_seed) for point in points) > 0:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.set_xlabel("labelled real images")
        axes.set_ylabel("mean absolute error, cells")
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        open_frame(axes)
        content = svg_of(figure)
    return Picture(
        content=content,
        kind="image/svg+xml",
        alt=f"Mean absolute error against number of labelled images, for {', '.join(curves)}.",
        caption="Mean over the seeds; bands reach from the best to the worst seed. Labelled images "
        "are drawn anew with each seed, those of a smaller number among those of a larger one.",
    )


def label_curve_table(points: Sequence[CurvePoint]) -> Table:
    """Lay out the same figures: a row for each curve, a column for each number of labels.

    Parameters
    ----------
    points
        As for `label_curve_plot`.
    """
    curves = _by_curve(points)
    numbers = sorted({point.labels for point in points})
    return Table(
        columns=("Curve", *(f"{labels:g} labels" for labels in numbers)),
        rows=tuple(
            (name, *(_cell(line, labels) for labels in numbers)) for name, line in curves.items()
        ),
        caption="Mean absolute error in cells, the mean over the seeds; in brackets the smallest "
        "and the largest of a seed.",
    )


def _cell(line: Sequence[CurvePoint], labels: float) -> str:
    point = next((point for point in line if point.labels == labels), None)
    if point is None:
        return NO_VALUE
    if len(point.mae_by_seed) == 1:
        return number(point.mae)
    low, high = number(min(point.mae_by_seed)), number(max(point.mae_by_seed))
    return f"{number(point.mae)} ({low} to {high})"


def _by_curve(points: Sequence[CurvePoint]) -> dict[str, list[CurvePoint]]:
    """Gather points by curve, from few labels to many."""
    if not points:
        raise InputError("There is no curve to draw.", expected="at least one point")
    curves: dict[str, list[CurvePoint]] = {}
    for point in sorted(points, key=lambda point: point.labels):
        curves.setdefault(point.curve, []).append(point)
    for name, line in curves.items():
        labels = [point.labels for point in line]
        if len(set(labels)) < len(labels):
            raise InputError(
                f"The curve {name} has two rows with the same number of labels.",
                expected="one row for each number of labels",
                found=", ".join(f"{each:g}" for each in labels),
                remedy="give one of the rows another curve",
            )
    return {name: curves[name] for name in dict.fromkeys(point.curve for point in points)}
