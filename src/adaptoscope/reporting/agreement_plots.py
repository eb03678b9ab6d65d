"""Plots of how far counts agree with the truth: against it, around it, and by density."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from adaptoscope.errors import InputError
from adaptoscope.metrics.limits_of_agreement import Agreement
from adaptoscope.reporting.figures import (
    DOT,
    INK,
    LINE,
    QUIET,
    STYLE,
    MethodCounts,
    Picture,
    check_counts,
    draw_counts,
    open_frame,
    svg_of,
)

FloatArray = npt.NDArray[np.float64]

_WIDTH = 9.2
_SPREAD = 0.22


def agreement_panels(counts: MethodCounts, agreement: Agreement) -> Picture:
    """Draw predicted against true counts, and beside it the plot of Bland and Altman (1986).

    Parameters
    ----------
    agreement
        Its bias and limits of agreement.

    Returns
    -------
    Picture
        An SVG. At the right each image's difference, predicted minus true, over the mean of both.
    """
    check_counts([counts])
    top = max(1.05 * float(max(counts.true.max(), counts.predicted.max())), 1.0)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 3.7), layout="constrained")
        FigureCanvasSVG(figure)
        left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.55))
        draw_counts(left, counts, top)
        left.set_xlabel("true cells")
        left.set_ylabel("predicted cells")
        _draw_differences(right, counts, agreement)
        content = svg_of(figure)
    return Picture(
        content=content,
        kind="image/svg+xml",
        alt=f"{counts.method}: predicted against true counts of {len(counts.true)} images, and "
        f"their differences over their means. Bias {agreement.bias:+.2f} cells, limits of "
        f"agreement {agreement.lower:+.2f} to {agreement.upper:+.2f} cells.",
        caption="Each dot is one image. Left: on the line, prediction and truth agree; the band is "
        "10 % to either side. Right (Bland and Altman): predicted minus true over the mean of "
        "both. Solid line: bias. Dashed: 95 % limits of agreement, bias ± 1.96 deviations of the "
        "differences.",
    )


def differences_by_class(differences: Mapping[str, FloatArray]) -> Picture:
    """Draw each image's difference in the row of its class of density.

    Parameters
    ----------
    differences
        Predicted minus true by class, shape (N,) each, from the lowest row upwards.
    """
    if not differences or not all(len(values) for values in differences.values()):
        raise InputError(
            "The differences cannot be drawn.", expected="at least one image in each class"
        )
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 0.95 + 0.55 * len(differences)), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.axvline(0, color=QUIET, linewidth=0.8)
        for row, values in enumerate(differences.values()):
            # Side by side in the order of the images, so that equal differences do not hide.
            heights = row + np.linspace(-_SPREAD, _SPREAD, len(values) + 2)[1:-1]
            axes.scatter(values, heights, s=16, color=DOT, alpha=0.75, linewidth=0)
            mean = float(np.mean(values))
            axes.plot([mean, mean], [row - 0.33, row + 0.33], color=LINE, linewidth=2)
        labels = [f"{name} ({len(values)})" for name, values in differences.items()]
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(-0.55, len(labels) - 0.45)
        axes.set_xlabel("predicted minus true cells")
        open_frame(axes)
        content = svg_of(figure)
    return Picture(
        content=content,
        kind="image/svg+xml",
        alt="Predicted minus true cells of each image, by class of density: "
        + "; ".join(f"{name}, mean {np.mean(each):+.2f}" for name, each in differences.items()),
        caption="Each dot is one image, in the row of its class of density (number of images in "
        "brackets); the bar is the class's bias.",
    )


def _draw_differences(axes: Axes, counts: MethodCounts, agreement: Agreement) -> None:
    means = (counts.predicted + counts.true) / 2
    axes.scatter(
        means, counts.predicted - counts.true, s=16, color=DOT, alpha=0.75, linewidth=0, zorder=3
    )
    axes.axhline(0, color=QUIET, linewidth=0.8)
    axes.axhline(agreement.bias, color=LINE, linewidth=1.3)
    title = f"bias {agreement.bias:+.1f} cells"
    if np.isfinite(agreement.lower):
        for limit in (agreement.lower, agreement.upper):
            axes.axhline(limit, color=LINE, linewidth=1, linestyle=(0, (5, 3)))
        title += f"\nlimits of agreement {agreement.lower:+.1f} to {agreement.upper:+.1f} cells"
    axes.set_title(title.replace("-", "−"), fontsize=9, color=INK)
    axes.set_xlabel("mean of predicted and true cells")
    axes.set_ylabel("predicted minus true cells")
    open_frame(axes)
