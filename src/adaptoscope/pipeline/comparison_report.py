"""A comparison of two sets, as text for the terminal and as a report in one HTML file."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from adaptoscope.comparison.compare import Comparison
from adaptoscope.comparison.facts import SetFacts
from adaptoscope.comparison.quantities import Quantity, Value
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.tiles import evenly_spread
from adaptoscope.imageio.json_values import rounded
from adaptoscope.metrics.distributions import LEVELS
from adaptoscope.reporting.figures import STRETCH, STYLE, Picture, on_screen, png_picture, svg_of
from adaptoscope.reporting.html import (
    Gallery,
    GalleryColumn,
    Paragraph,
    Report,
    settings_listing,
)
from adaptoscope.reporting.tables import NO_VALUE, Table

# Images of a set, and the pixels of each, that fit beside those of the other set; by eye.
_SHOWN = 3
_CROP = 256
# As many as an 8-bit file has levels.
_BINS = 256
_COLUMNS = ("quantity", "A", "B", "difference", "verdict")


def comparison_text(found: Comparison) -> str:
    """Return a comparison as text: what was measured, one table, and the advice."""
    lines = [*_described(found), ""]
    cells = [_COLUMNS, *(_cells(row) for row in found.rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(_COLUMNS))]
    for row in cells:
        name, *values, verdict = row
        middle = (f"{value:>{width}}" for value, width in zip(values, widths[1:-1], strict=True))
        lines.append("  ".join([f"{name:<{widths[0]}}", *middle, verdict]))
    lines += ["", *(f"({row.title}: {row.note})" for row in found.rows if row.note)]
    return "\n".join([*lines, "", *found.advice])


def write_comparison_report(
    path: Path, found: Comparison, a: CountedImageSet, b: CountedImageSet
) -> None:
    """Write a comparison as one HTML file, with images of both sets beside each other."""
    report = Report(f"{a.folder.name} and {b.folder.name} compared", " ".join(_described(found)))
    table = Table(
        (*_COLUMNS, "note"),
        tuple((*_cells(row), row.note) for row in found.rows),
        caption="Medians over the images. A ratio is that of the larger to the smaller value.",
        words_at_end=2,
    )
    lead = Paragraph(f"Verdict: {found.verdict}.", role="lead")
    report.add("What differs", lead, *(Paragraph(each) for each in found.advice), table)
    report.add("How they look", _gallery(found, a, b))
    report.add("Intensities", _histograms(found))
    report.add("Settings", settings_listing(found.settings.model_dump(mode="json")))
    report.write(path)


def _described(found: Comparison) -> list[str]:
    return [_of_set("A", found.a), _of_set("B", found.b)]


def _of_set(which: str, facts: SetFacts) -> str:
    measured, all_of_them = len(facts.images), facts.available
    number = (
        f"all {measured} images"
        if measured == all_of_them
        else f"{measured} of {all_of_them} images, evenly over the list"
    )
    labels = "cells marked" if facts.labelled else "not labelled"
    return f"{which} = {facts.folder}: {number}, {labels}."


def _cells(row: Quantity) -> tuple[str, ...]:
    if row.measure == "same" or not math.isfinite(row.difference):
        difference = NO_VALUE
    else:
        difference = rounded(row.difference, 2) + (" x" if row.measure == "ratio" else "")
    return row.words, _text(row.a), _text(row.b), difference, row.verdict


def _text(value: Value) -> str:
    if value is None:
        return NO_VALUE
    if isinstance(value, str):
        return value
    return rounded(value, 3 if abs(value) >= 1 else 2)


def _gallery(found: Comparison, a: CountedImageSet, b: CountedImageSet) -> Gallery:
    """Show middles of a few images of both sets, black and white being the same within a set.

    On one scale for both, the darker set would be black.
    """
    columns, scales = [], []
    for which, images, facts in (("A", a, found.a), ("B", b, found.b)):
        names, crops = _middles(images, facts)
        values = np.concatenate([crop.ravel() for crop in crops])
        low, high = (float(edge) for edge in np.percentile(values, STRETCH))
        shown = zip(names, crops, strict=True)
        pictures = [
            png_picture(on_screen(crop, (low, high)), f"Middle of {name}", name)
            for name, crop in shown
        ]
        columns.append(GalleryColumn(f"{which}: {images.folder.name}", pictures))
        scales.append(f"in {which}, black is {rounded(low, 2)} and white {rounded(high, 2)}")
    return Gallery(
        columns,
        f"The middle {_CROP} pixels. For display only, each set has a scale of its own: "
        f"{'; '.join(scales)} of the stored range.",
    )


def _middles(
    images: CountedImageSet, facts: SetFacts
) -> tuple[list[str], list[NDArray[np.float32]]]:
    measured = [image.name for image in facts.images]
    names = evenly_spread(measured, _SHOWN)
    records = {record.name: record for record in images}
    return names, [_middle(images.read(records[name]).pixels) for name in names]


def _middle(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    top, left = (max(0, (side - _CROP) // 2) for side in pixels.shape)
    return pixels[top : top + _CROP, left : left + _CROP]


def _histograms(found: Comparison) -> Picture:
    """Draw the shares of the pixels of both sets over the intensity."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 2.8), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        edges = _edges([found.a.histogram, found.b.histogram])
        for which, facts in (("A", found.a), ("B", found.b)):
            axes.stairs(_shares(facts.histogram, edges), edges, label=which, linewidth=1.2)
        axes.set_yscale("log")
        axes.set_xlabel("intensity (share of the stored range)")
        axes.set_ylabel("share of the pixels")
        axes.legend(frameon=False)
        content = svg_of(figure)
    return Picture(
        content=content,
        kind="image/svg+xml",
        alt="Histograms of the intensities of both sets.",
        caption="All pixels of the measured images, on a logarithmic axis.",
    )


def _edges(histograms: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return the edges of bins that each hold the same number of levels that can occur.

    Files of 8 bits use every 257th level. Bins of another width would hold one level, or none, by
    turns: a comb that is not in the images.
    """
    levels = [np.flatnonzero(histogram) for histogram in histograms]
    step = max(int(np.gcd.reduce(each)) or 1 for each in levels)
    highest = max(int(each.max()) for each in levels)
    width = step * max(1, math.ceil((highest + step) / (step * _BINS)))
    number = highest // width + 1
    return (width * np.arange(number + 1) - step / 2) / (LEVELS - 1)


def _shares(histogram: NDArray[np.int64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    levels = np.flatnonzero(histogram)
    counted = np.histogram(levels / (LEVELS - 1), bins=edges, weights=histogram[levels])[0]
    return np.asarray(counted / histogram.sum())
