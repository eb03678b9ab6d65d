"""Sheets of images in rows and columns, as papers show them, with boxes around what is meant."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from adaptoscope.errors import InputError
from adaptoscope.reporting.figures import INVENTED, LOST, STRETCH, STYLE, Picture, png_of, show_grey

_BOX_COLOURS = {"invented": INVENTED, "lost": LOST}
_SIDE_INCHES = 1.5
_DPI = 160


@dataclass(frozen=True)
class Tile:
    """One image of a sheet.

    Parameters
    ----------
    pixels
        Shape (H, W), any finite intensities; shown stretched between two percentiles.
    boxes
        ``(row, column, half side, kind)`` in pixels; the kind is ``invented`` or ``lost``.
    """

    pixels: npt.NDArray[np.float32]
    title: str = ""
    boxes: Sequence[tuple[float, float, float, str]] = ()


def sheet(
    rows: Sequence[Sequence[Tile | None]],
    *,
    names: Sequence[str] = (),
    alt: str,
    caption: str = "",
) -> Picture:
    """Draw images in rows and columns.

    Parameters
    ----------
    rows
        From top to bottom, each from left to right; None leaves a place empty.
    names
        Stand at the left of the rows.
    """
    columns = max((len(row) for row in rows), default=0)
    if not columns:
        raise InputError("There is nothing to show.", expected="at least one image")
    with mpl.rc_context(STYLE):
        size = (_SIDE_INCHES * columns + 0.4, (_SIDE_INCHES + 0.25) * len(rows) + 0.1)
        figure = Figure(figsize=size, layout="constrained", dpi=_DPI)
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(rows), columns, squeeze=False)
        for index, row in enumerate(rows):
            for place in range(columns):
                tile = row[place] if place < len(row) else None
                _draw(grid[index, place], tile)
            if index < len(names):
                grid[index, 0].set_ylabel(names[index], fontsize=8)
        content = png_of(figure)
    return Picture(content=content, kind="image/png", alt=alt, caption=caption)


def _draw(axes: Axes, tile: Tile | None) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    if tile is None:
        return
    show_grey(axes, tile.pixels, np.percentile(tile.pixels, STRETCH), interpolation="antialiased")
    axes.set_title(tile.title, fontsize=7, pad=2)
    for row, column, half, kind in tile.boxes:
        corner = (column - half, row - half)
        axes.add_patch(
            Rectangle(corner, 2 * half, 2 * half, fill=False, edgecolor=_BOX_COLOURS[kind], lw=1)
        )
