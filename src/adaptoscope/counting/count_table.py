"""The table ``counts.csv``: one row for each image, and for each region of one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from adaptoscope.imageio.csv_tables import write_table

COLUMNS = (
    "image",
    "count",
    "lower",
    "upper",
    "flag",
    "region",
    "area_mm2",
    "per_mm2",
    "pixel_size_um",
    "diameter_px",
    "model",
    "error",
)

# Half a cell is less than any counter is sure of; bounds and diameters are rougher still.
_DECIMALS = {"count": 2, "lower": 1, "upper": 1, "diameter_px": 1}
# A pixel size is a fact of the microscope, and given with more figures than what follows from it.
_FIGURES = {"area_mm2": 4, "per_mm2": 4, "pixel_size_um": 6}

WHOLE_IMAGE = "all"
"""Region that stands for the whole image."""


@dataclass(frozen=True)
class PredictedCount:
    """One row of ``counts.csv``; None where nothing is known.

    Parameters
    ----------
    count
        Number of cells, not rounded; None where the image failed, and then ``error`` says why.
    lower, upper
        90 % interval of the count, where the counter has been calibrated.
    region
        ``all`` for the whole image, or the label of a region; empty where the regions of an image
        could not be read.
    area_mm2, per_mm2, pixel_size_um
        Area, cells per area and pixel size, where the pixel size is known.
    diameter_px
        Cell diameter in pixels that the counter measured or expects.
    """

    image: str
    count: float | None = None
    lower: float | None = None
    upper: float | None = None
    flag: str = ""
    region: str = WHOLE_IMAGE
    area_mm2: float | None = None
    per_mm2: float | None = None
    pixel_size_um: float | None = None
    diameter_px: float | None = None
    model: str = ""
    error: str = ""

    def as_row(self) -> list[str]:
        """Return the row as text, numbers with the figures that mean something."""
        return [_as_text(column, getattr(self, column)) for column in COLUMNS]


def write_count_table(path: Path, rows: Sequence[PredictedCount]) -> None:
    """Write the table whole or not at all.

    Parameters
    ----------
    rows
        In their order.
    """
    write_table(path, COLUMNS, [row.as_row() for row in rows])


@dataclass(frozen=True)
class CountSummary:
    """What a table of counts says in a few figures; None where nothing is known.

    Parameters
    ----------
    images, failed, flagged
        Numbers of images; one whose regions could not be read has failed too.
    another_kind
        Why the images as a whole are of another kind than those of the training; empty if they are
        not, or nobody knows.
    unsized
        Images that were counted and have no density, as their pixel size is not known.
    """

    images: int
    failed: int
    flagged: int
    cells: float
    median_count: float | None
    median_diameter_px: float | None
    median_per_mm2: float | None
    another_kind: str = ""
    unsized: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return the figures by name, for machines; the table has a row for each image."""
        return {name: figure for name, figure in asdict(self).items() if name != "unsized"}

    def as_text(self) -> dict[str, object]:
        """Return the figures with their units, for people."""
        lines: dict[str, object] = {
            "images": f"{self.images} ({self.failed} failed, {self.flagged} flagged)",
            "cells": f"{self.cells:.0f} in all",
        }
        if self.median_count is not None:
            lines["cells"] = f"{self.cells:.0f} in all, {self.median_count:.4g} per image (median)"
        if self.median_per_mm2 is not None:
            lines["density"] = f"{self.median_per_mm2:.4g} cells per mm2 (median)"
        if self.unsized:
            lines["no_density"] = (
                f"{self.unsized} image(s) without a pixel size that can be trusted (a printer's "
                "resolution such as 72 dpi is none): give --pixel-size-um"
            )
        if self.median_diameter_px is not None:
            lines["cell_diameter"] = f"{self.median_diameter_px:.3g} pixels (median)"
        if self.another_kind:
            lines["all_images"] = self.another_kind
        return lines


def summarise_counts(rows: Sequence[PredictedCount], another_kind: str = "") -> CountSummary:
    """Summarise a table of counts.

    Parameters
    ----------
    another_kind
        What is said of the folder as a whole, if it is of another kind than the training images.
    """
    whole = [row for row in rows if row.region == WHOLE_IMAGE]
    return CountSummary(
        images=len(whole),
        failed=len({row.image for row in rows if row.error}),
        flagged=sum(bool(row.flag) for row in whole),
        cells=sum(row.count or 0.0 for row in whole),
        median_count=_median([row.count for row in whole]),
        median_diameter_px=_median([row.diameter_px for row in whole]),
        median_per_mm2=_median([row.per_mm2 for row in whole]),
        another_kind=another_kind,
        unsized=sum(row.count is not None and row.per_mm2 is None for row in whole),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None


def _as_text(column: str, value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if column in _DECIMALS:
        return f"{value:.{_DECIMALS[column]}f}".rstrip("0").rstrip(".")
    # Twice, so that 123456 becomes 123500 and not 1.235e+05.
    return f"{float(f'{value:.{_FIGURES[column]}g}'):.15g}"
