"""How well a network predicts stains, as a page with figures and images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.html import Paragraph, Report
from adaptoscope.reporting.sheet import Tile, sheet
from adaptoscope.reporting.tables import Table, number, with_bounds
from adaptoscope.translation.evaluate import StainEvaluation
from adaptoscope.translation.fields import Field
from adaptoscope.translation.model_folder import Predictor
from adaptoscope.translation.predict import predict_stains

FloatImage = NDArray[np.float32]
# Pixels of a field that show its cells on a page with four images in a row; by eye.
_SHOWN = 256
_COLUMNS = (
    ("pearson_pooled", "Pooled", 3),
    ("ssim", "SSIM", 3),
    ("psnr", "PSNR, dB", 1),
    ("nrmse", "NRMSE", 3),
    ("pearson_of_mean_cell", "Mean cell", 3),
    ("pearson_after_baseline", "Beyond it", 3),
    ("pearson_of_cells", "Cell by cell", 3),
    ("constant", "Constant truth", 0),
    ("flat", "Says nothing", 0),
)


def write_stain_report(
    path: Path,
    model: Predictor,
    fields: Sequence[Field],
    evaluation: StainEvaluation,
    figures: Mapping[str, Any],
    *,
    of: str,
    remarks: Sequence[str] = (),
) -> None:
    """Write the page of an evaluation.

    Parameters
    ----------
    evaluation
        Of these fields, in the same order.
    figures
        As `StainEvaluation.as_dict`, with what was measured besides.
    """
    over = evaluation.pearson
    agreement = with_bounds(over.value, (over.lower, over.upper))
    number_of = "1 image" if len(fields) == 1 else f"{len(fields)} images"
    of_what = "; one image has no interval" if len(fields) == 1 else ", 95 % interval over images"
    lead = f"Predicted and true stains correlate by {agreement} (Pearson, mean over images and "
    lead += f"stains{of_what})."
    made = "" if model.record.adapted is None else f", adapted by {model.record.adapted.method}"
    report = Report(f"Stains of {model.name}", f"{number_of} of {of}{made}")
    notes = [Paragraph(remark, role="note") for remark in remarks]
    report.add("Agreement", Paragraph(lead, role="lead"), *notes, _table(figures))
    shown = _worst_middle_best(evaluation.pearson_by_field)
    report.add("Images", *(_panel(model, fields[index], title) for title, index in shown.items()))
    report.write(path)


def _table(figures: Mapping[str, Any]) -> Table:
    """Return a row for each stain, with the columns that were measured."""
    stains = figures["stains"]
    known = [each for each in _COLUMNS if any(each[0] in found for found in stains.values())]
    rows = []
    for stain, found in stains.items():
        pearson = with_bounds(found["pearson"], tuple(found["pearson_interval"]))
        cells = (number(found[key], digits=digits) for key, _, digits in known)
        rows.append((stain, pearson, *cells))
    columns = ("Stain", "Pearson [95 %]", *(title for _, title, _ in known))
    caption = (
        "Pearson's correlation and SSIM are means over images; pooled is that of all pixels "
        "together. Errors are relative to the range of the training set. Images whose truth is "
        "constant have no correlation and are left out of it; those of which the network says "
        "nothing count as 0."
    )
    return Table(columns, tuple(rows), caption=caption)


def _worst_middle_best(agreement: NDArray[np.float64]) -> dict[str, int]:
    """Return at most three fields that are shown, by what they stand for."""
    known = [int(index) for index in np.argsort(agreement) if not np.isnan(agreement[index])]
    if not known:
        return {"no correlation": 0}
    if len(known) == 1:
        return {"the only one": known[0]}
    middle = {"in the middle": known[len(known) // 2]} if len(known) > 2 else {}
    return {"worst": known[0], **middle, "best": known[-1]}


def _panel(model: Predictor, field: Field, title: str) -> Picture:
    """Draw the image, and for each stain prediction, truth and what lies between them."""
    predicted, true = predict_stains(model, field.pixels), field.truth
    rows = []
    for place in range(len(model.record.stains)):
        planes = {
            "image": field.pixels,
            "predicted": predicted[place],
            "true": true[place],
            "predicted - true": predicted[place] - true[place],
        }
        rows.append([Tile(_middle(plane), name) for name, plane in planes.items()])
    return sheet(
        rows,
        names=model.record.stains,
        alt=f"Image, predicted and true stains, {title}",
        caption=f"{field.name}, {title} by Pearson: its middle, each stretched on its own.",
    )


def _middle(plane: FloatImage) -> FloatImage:
    top, left = (max(0, (length - _SHOWN) // 2) for length in plane.shape)
    return plane[top : top + _SHOWN, left : left + _SHOWN]
