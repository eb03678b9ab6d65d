"""Predict the stains of a folder of images, and write them as images of their own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.output_folder import RECORDS_FOLDER
from adaptoscope.errors import AdaptoscopeError, OutputError
from adaptoscope.imageio.csv_tables import write_table
from adaptoscope.imageio.files import MicroscopyImage, is_occupied, write_image, write_json
from adaptoscope.training.progress import progress
from adaptoscope.translation.ensemble import StainEnsemble

TABLE = "predictions.csv"
_SETTINGS = "predicted_with.json"


@dataclass(frozen=True)
class Row:
    """One line of ``predictions.csv``; None where there is nothing to say.

    Parameters
    ----------
    file
        Where the stain was written, from the folder.
    mean_intensity
        Mean of the predicted stain, shares of the stored range.
    uncertainty
        Mean over pixels of the networks' standard deviation, as a share of the stain's range in
        the training set.
    """

    image: str
    stain: str | None = None
    file: str | None = None
    mean_intensity: float | None = None
    uncertainty: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class PredictedFolder:
    """What was written, and by name of an image why it could not be predicted."""

    written: int
    errors: dict[str, str]
    stains: tuple[str, ...]


def predict_folder(
    ensemble: StainEnsemble,
    images: CountedImageSet,
    out: Path,
    *,
    overwrite: bool = False,
    on_image: Callable[[str], None] | None = None,
) -> PredictedFolder:
    """Predict every image and write its stains as 16-bit TIFF.

    ``NAME_STAIN.tif`` holds the stain in the stored range of the training set's stain images, and
    with several networks ``NAME_STAIN_uncertainty.tif`` their standard deviation on the same scale.
    ``predictions.csv`` names them all, and why an image could not be predicted. Images that stand
    already are not predicted again; `overwrite` discards what other networks predicted.
    """
    out = Path(out)
    _begin(out, ensemble, overwrite=overwrite)
    rows: list[Row] = []
    errors: dict[str, str] = {}
    stems = _stems(images)
    for record in progress(list(images), "stain predict", unit="image"):
        try:
            image = images.read(record)
            rows += _predict_once(ensemble, image, record.name, out, stems[record.name])
        except AdaptoscopeError as error:
            said = (("Expected", error.expected), ("Found", error.found), ("Remedy", error.remedy))
            parts = [error.summary, *(f"{name}: {text}" for name, text in said if text)]
            errors[record.name] = " ".join(part.rstrip(".") + "." for part in parts)
            rows.append(Row(record.name, error=errors[record.name]))
        if on_image is not None:
            on_image(record.name)
    write_table(out / TABLE, [field.name for field in fields(Row)], [astuple(row) for row in rows])
    return PredictedFolder(len(images) - len(errors), errors, ensemble.stains)


def _begin(out: Path, ensemble: StainEnsemble, *, overwrite: bool) -> None:
    """Prepare the folder; with `overwrite` forget what other networks predicted into it."""
    content = {
        "models": [member.name for member in ensemble.members],
        "weights": [member.record.network_sha256 for member in ensemble.members],
        "intensities": [m.record.intensities.model_dump(mode="json") for m in ensemble.members],
        "preparation": [m.record.preparation.model_dump(mode="json") for m in ensemble.members],
    }
    path = out / _SETTINGS
    if path.is_file() and _read(path) == content:
        return
    if is_occupied(out) and not (overwrite and path.is_file()):
        raise OutputError(
            f"The folder {out} holds something else.",
            expected="an empty or absent folder, or predictions of the same models",
            found="predictions of other models" if path.is_file() else "other files",
            remedy="choose another folder"
            + (", or predict anew with --overwrite" if path.is_file() else ""),
        )
    shutil.rmtree(out / RECORDS_FOLDER, ignore_errors=True)
    write_json(path, content)


def _predict_once(
    ensemble: StainEnsemble, image: MicroscopyImage, name: str, out: Path, stem: str
) -> list[Row]:
    """Predict an image unless its stains stand already; return its rows of the table."""
    kept = out / RECORDS_FOLDER / f"{stem}.json"
    known = _read(kept) if kept.is_file() else None
    if isinstance(known, dict) and known["sha256"] == image.sha256:
        return [Row(**row) for row in known["rows"]]
    predicted = ensemble.predict(image)
    uncertain = predicted.uncertainty(ensemble.spans)
    rows = []
    for place, stain in enumerate(ensemble.stains):
        file = f"{stem}_{_word(stain)}.tif"
        planes = {file: predicted.mean[place]}
        if predicted.deviation is not None:
            planes[f"{stem}_{_word(stain)}_uncertainty.tif"] = predicted.deviation[place]
        for place_name, plane in planes.items():
            held, size = np.clip(plane, 0, 1), image.pixel_size_um
            write_image(out / place_name, held, bit_depth=16, pixel_size_um=size)
        mean = round(float(predicted.mean[place].mean()), 6)
        share = None if uncertain is None else round(uncertain[place], 5)
        rows.append(Row(name, stain, file, mean, share))
    write_json(kept, {"sha256": image.sha256, "rows": [asdict(row) for row in rows]})
    return rows


def _read(path: Path) -> object:
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return content


def _stems(images: CountedImageSet) -> dict[str, str]:
    """Return names without suffix, or with it where two images would else become one file."""
    stems = [Path(record.name).stem for record in images]
    return {
        record.name: stem if stems.count(stem) == 1 else record.name.replace(".", "_")
        for record, stem in zip(images, stems, strict=True)
    }


def _word(stain: str) -> str:
    return re.sub(r"[^\w-]+", "_", stain)
