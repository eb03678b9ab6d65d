"""Agreement against the layer that was matched, as in the figures of paper 2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from adaptoscope.errors import InputError
from adaptoscope.reporting.figures import STYLE, Picture, svg_of

_DASHES = ("-", "--", ":", "-.")
_COLOURS = ("#0b6e99", "#b4540a", "#5b7f1e", "#7a3e9d")


@dataclass(frozen=True)
class LayerCurve:
    """Pearson's correlation of one stain by layer.

    Parameters
    ----------
    name
        What the curve is, as ``dapi``.
    values
        By layer, one value for each seed.
    lines
        Further values by name, which do not depend on a layer: the network as it was, an oracle.
    """

    name: str
    values: Mapping[int, Sequence[float]]
    lines: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MagnitudeCurve:
    """Pearson's correlation of one way of adapting by the size of a shift.

    Parameters
    ----------
    name
        What the curve is, as ``layer 2``.
    values
        By magnitude, the mean over seeds.
    """

    name: str
    values: Mapping[float, float]


def magnitude_curves(
    curves: Sequence[MagnitudeCurve], *, label: str, alt: str, caption: str = ""
) -> Picture:
    """Draw curves over the size of a shift.

    Parameters
    ----------
    curves
        At least one, each with at least one magnitude.
    label
        What the magnitude is, below the axis.
    alt, caption
        As in `layer_curves`.
    """
    if not curves or not all(curve.values for curve in curves):
        raise InputError("There is no curve to draw.", expected="at least one magnitude of each")
    with mpl.rc_context(STYLE):
        figure, axes = _empty()
        for index, curve in enumerate(curves):
            sizes = sorted(curve.values)
            axes.plot(
                sizes,
                [curve.values[size] for size in sizes],
                _DASHES[index // len(_COLOURS) % len(_DASHES)] + "o",
                color=_COLOURS[index % len(_COLOURS)],
                label=curve.name,
                markersize=4,
            )
        axes.set_xlabel(label)
        axes.set_ylabel("Pearson's correlation")
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
        content = svg_of(figure)
    return Picture(content=content, kind="image/svg+xml", alt=alt, caption=caption)


def layer_curves(curves: Sequence[LayerCurve], *, alt: str, caption: str = "") -> Picture:
    """Draw curves over the layers 1 to 16.

    Parameters
    ----------
    curves
        At least one, each with at least one layer.
    alt
        What is to be seen.
    caption
        Stands below.

    Returns
    -------
    Picture
        An SVG. Bands reach from the lowest to the highest seed; dashed and dotted lines are the
        further values of the curve of that colour.
    """
    if not curves or not all(curve.values for curve in curves):
        raise InputError("There is no curve to draw.", expected="at least one layer of each")
    with mpl.rc_context(STYLE):
        figure, axes = _empty()
        for curve, colour in zip(curves, _COLOURS * len(curves), strict=False):
            layers = sorted(curve.values)
            means = [float(np.mean(curve.values[layer])) for layer in layers]
            low = [min(curve.values[layer]) for layer in layers]
            high = [max(curve.values[layer]) for layer in layers]
            axes.fill_between(layers, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(layers, means, "o-", color=colour, label=curve.name, markersize=4)
            for (name, value), dash in zip(curve.lines.items(), ("--", ":", "-."), strict=False):
                axes.axhline(
                    value, color=colour, linestyle=dash, linewidth=1, label=f"{curve.name}, {name}"
                )
        axes.set_xlabel("layer that is matched")
        axes.set_ylabel("Pearson's correlation")
        axes.set_xticks(range(1, 17))
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
        content = svg_of(figure)
    return Picture(content=content, kind="image/svg+xml", alt=alt, caption=caption)


def _empty() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()
