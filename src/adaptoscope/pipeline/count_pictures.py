"""What people look at after a count: every image with its cells, and all counts in one plot."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.count_table import WHOLE_IMAGE, PredictedCount
from adaptoscope.counting.predict import CountedImage
from adaptoscope.imageio.large_images import LargeImage, average_blocks
from adaptoscope.images.cell_centres import no_points
from adaptoscope.reporting.count_plot import CountToPlot, plot_counts
from adaptoscope.reporting.overlays import LONGEST, draw_overlay

Image = npt.NDArray[np.float32]


def overlay_of(counted: CountedImage) -> bytes:
    """Draw an image with rings around its cells; of a large one, means over blocks of pixels."""
    row, image = counted.row, counted.image
    points = no_points() if counted.found.points is None else counted.found.points
    text, diameter = _caption(row), row.diameter_px
    if not isinstance(image, LargeImage):
        alike = _not_taken_out(image.pixels, counted.found.shown)
        return draw_overlay(image.pixels, points, text=text, diameter_px=diameter, alike=alike)
    smaller, block = average_blocks(image, LONGEST)
    places = (points + 0.5) / block - 0.5
    diameter = diameter / block if diameter else None
    return draw_overlay(smaller, places, text=text, diameter_px=diameter)


def _not_taken_out(pixels: Image, counted: Image | None) -> npt.NDArray[np.bool_] | None:
    """Return which pixels were counted as they are; None for all, or where most were changed."""
    if counted is None:
        return None
    alike = pixels == counted
    # Light that was made even, or dark cells made bright, change nearly all; these are well seen.
    return alike if alike.mean() > 0.5 else None


def plot_of(rows: Sequence[PredictedCount], model: str) -> bytes:
    """Draw the counts of all images."""
    shown = [
        CountToPlot(row.image, row.count, row.lower, row.upper, bool(row.flag))
        for row in rows
        if row.region == WHOLE_IMAGE
    ]
    return plot_counts(shown, title=f"Counted with {model}").content


def _caption(row: PredictedCount) -> str:
    parts = [f"{row.count:.0f} cells"]
    if row.lower is not None and row.upper is not None:
        parts[0] += f" (90 %: {row.lower:.0f} to {row.upper:.0f})"
    if row.per_mm2 is not None:
        parts.append(f"{row.per_mm2:.0f} per mm²")
    parts += [row.flag, row.image]
    return "   ".join(part for part in parts if part)
