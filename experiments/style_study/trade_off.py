"""Plot of what is gained against what is lost, one panel per set, one line per way."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from adaptoscope.errors import InputError
from adaptoscope.reporting.figures import STYLE, Picture, svg_of

_COLOURS = ("#0b6e99", "#b4540a", "#5b7f1e", "#7a3e9d", "#8895a3")


@dataclass(frozen=True)
class Dot:
    """One way of stylising.

    Parameters
    ----------
    curve
        Dots of one curve are joined, in the order given.
    mark
        Stands beside the dot.
    distance
        Distance from real images.
    structure
        F1 relative to the drawings.
    interval
        Bounds of `structure`.
    """

    curve: str
    mark: str
    distance: float
    structure: float
    interval: tuple[float, float]


def trade_off_panels(
    panels: Mapping[str, Sequence[Dot]],
    floors: Mapping[str, float],
    distance: str,
    *,
    columns: int = 3,
) -> Picture:
    """Draw structure against realism; up and left is better.

    Parameters
    ----------
    panels
        Dots by the name of the set of drawings.
    floors
        Distance of real images from each other, by the same names, where it is known.
    distance
        What the distance is, on its axis.
    columns
        Panels side by side.

    Returns
    -------
    Picture
        An SVG.
    """
    if not panels or not all(panels.values()):
        raise InputError("There is nothing to plot.", expected="at least one dot for each panel")
    curves = list(dict.fromkeys(dot.curve for dots in panels.values() for dot in dots))
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.4 * columns + 0.4, 3.1 * rows + 0.6), layout="constrained")
        FigureCanvasSVG(figure)
        handles: dict[str, Artist] = {}
        for index, (name, dots) in enumerate(panels.items()):
            axes = figure.add_subplot(rows, columns, index + 1)
            for place, curve in enumerate(curves):
                own = [dot for dot in dots if dot.curve == curve]
                if own:
                    handles[curve] = _draw(axes, own, _COLOURS[place % len(_COLOURS)])
            if name in floors:
                axes.axvline(floors[name], color="#8895a3", linewidth=1, linestyle=":")
            axes.set_title(name)
            axes.set_xlabel(distance)
            if index % columns == 0:
                axes.set_ylabel("F1 relative to drawings")
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        figure.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=len(handles)
        )
        content = svg_of(figure)
    return Picture(
        content=content,
        kind="image/svg+xml",
        alt=f"Structure against {distance} for {', '.join(panels)}; curves {', '.join(curves)}.",
        caption="Distance from the real images that are compared with. Up and left is better. "
        "Bars: 95 % bootstrap interval over images. Dotted: real images against each other.",
    )


def _draw(axes: Axes, dots: Sequence[Dot], colour: str) -> Artist:
    distances = [dot.distance for dot in dots]
    structures = [dot.structure for dot in dots]
    below = [max(0.0, dot.structure - dot.interval[0]) for dot in dots]
    above = [max(0.0, dot.interval[1] - dot.structure) for dot in dots]
    bars = axes.errorbar(
        distances,
        structures,
        yerr=[below, above],
        color=colour,
        marker="o",
        markersize=4,
        linewidth=1,
        elinewidth=0.7,
    )
    for dot in dots:
        axes.annotate(
            dot.mark,
            (dot.distance, dot.structure),
            xytext=(4, 3),
            textcoords="offset points",
            fontsize=7,
            color=colour,
        )
    line: Artist = bars.lines[0]
    return line
