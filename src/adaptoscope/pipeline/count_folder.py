"""Count a folder of images and write what people look at: tables, overlays and a plot."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from adaptoscope.counting.count_table import WHOLE_IMAGE, PredictedCount
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.counting.output_places import refuse_existing, refuse_places
from adaptoscope.counting.predict import (
    CountedImage,
    PredictSettings,
    predict_counts,
    refuse_missing_centres,
)
from adaptoscope.errors import OutputError
from adaptoscope.images.atomic_files import atomic_path
from adaptoscope.images.cell_centres import no_points
from adaptoscope.images.large_images import LargeImage, overview
from adaptoscope.reporting.count_plot import CountToPlot, plot_counts
from adaptoscope.reporting.overlays import LONGEST, OverlayFolder, draw_overlay


@dataclass(frozen=True)
class CountOutputs:
    """Where the results go; None leaves one out.

    Parameters
    ----------
    table
        ``counts.csv``.
    points
        Folder for ``points.csv``, the cell centres of all images.
    overlays
        Folder for one PNG per image.
    plot
        PNG file of the counts of all images.
    overwrite
        Replace what is there.
    """

    table: Path
    points: Path | None = None
    overlays: Path | None = None
    plot: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class CountSummary:
    """What a table of counts says in a few figures; None where nothing is known.

    Parameters
    ----------
    images, failed, flagged
        Numbers of images; one whose regions could not be read has failed too.
    cells
        Cells of all images that were counted.
    median_count, median_diameter_px, median_per_mm2
        Over the images that were counted.
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
        return lines


def summarise_counts(rows: Sequence[PredictedCount]) -> CountSummary:
    """Summarise a table of counts.

    Parameters
    ----------
    rows
        As `count_folder` returns them.
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
        unsized=sum(row.count is not None and row.per_mm2 is None for row in whole),
    )


def count_folder(
    model: CountingModel,
    images: Path,
    outputs: CountOutputs,
    settings: PredictSettings | None = None,
    *,
    regions: Path | None = None,
) -> list[PredictedCount]:
    """Count every image of a folder and write the results that were asked for.

    Parameters
    ----------
    model
        The counter.
    images
        One image, a folder of images, or a counted-image folder.
    outputs
        Where the results go.
    settings
        How images are read and counted.
    regions
        Folder of label images, one for each image.

    Returns
    -------
    list of PredictedCount
        As `predict_counts` gives them.

    Raises
    ------
    InputError
        The folder does not exist or holds no image.
    SettingsError
        The counter gives no cell centres, and they are needed; or has no use for a diameter.
    OutputError
        A place to write to is taken, or is not of the right kind.
    """
    refuse_missing_centres(model, **{"--overlays": outputs.overlays})
    refuse_outputs(images, outputs)
    folder = None
    if outputs.overlays is not None:
        folder = OverlayFolder(outputs.overlays, overwrite=outputs.overwrite)

    def show(counted: CountedImage) -> None:
        if folder is not None:
            folder.write(counted.image.name, _overlay(counted))

    rows = predict_counts(
        model,
        images,
        outputs.table,
        settings,
        regions=regions,
        points=outputs.points,
        overwrite=outputs.overwrite,
        on_counted=show,
    )
    if outputs.plot is not None:
        with atomic_path(outputs.plot) as temporary:
            temporary.write_bytes(_plot(rows, model.name))
    return rows


def refuse_outputs(images: Path, outputs: CountOutputs) -> None:
    """Refuse what cannot be written, before anything is computed.

    Parameters
    ----------
    images, outputs
        As in `count_folder`.

    Raises
    ------
    OutputError
        A place to write to is taken, or is not of the right kind.
    """
    refuse_places(outputs.table, outputs.points, images, overwrite=outputs.overwrite)
    if outputs.overlays is not None:
        OverlayFolder(outputs.overlays, overwrite=outputs.overwrite)
    if outputs.plot is not None:
        _refuse_plot(outputs.plot, overwrite=outputs.overwrite)


def _overlay(counted: CountedImage) -> bytes:
    row, image = counted.row, counted.image
    points = no_points() if counted.found.points is None else counted.found.points
    text, diameter = _caption(row), row.diameter_px
    if not isinstance(image, LargeImage):
        return draw_overlay(image.pixels, points, text=text, diameter_px=diameter)
    smaller, block = overview(image, LONGEST)
    places = (points + 0.5) / block - 0.5
    diameter = diameter / block if diameter else None
    return draw_overlay(smaller, places, text=text, diameter_px=diameter)


def _caption(row: PredictedCount) -> str:
    parts = [f"{row.count:.0f} cells"]
    if row.lower is not None and row.upper is not None:
        parts[0] += f" (90 %: {row.lower:.0f} to {row.upper:.0f})"
    if row.per_mm2 is not None:
        parts.append(f"{row.per_mm2:.0f} per mm²")
    parts += [row.flag, row.image]
    return "   ".join(part for part in parts if part)


def _plot(rows: list[PredictedCount], model: str) -> bytes:
    shown = [
        CountToPlot(row.image, row.count, row.lower, row.upper, bool(row.flag))
        for row in rows
        if row.region == WHOLE_IMAGE
    ]
    return plot_counts(shown, title=f"Counted with {model}").content


def _refuse_plot(plot: Path, *, overwrite: bool) -> None:
    if plot.suffix.lower() != ".png":
        raise OutputError(
            f"The plot cannot be written to {plot}.",
            expected="a file name that ends in .png",
            found=plot.suffix or "no suffix",
            remedy="give --plot FILE.png",
        )
    refuse_existing([plot], overwrite=overwrite)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None
