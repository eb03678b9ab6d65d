"""Fit a simple counter on a counted set and keep it as a model folder."""

from dataclasses import asdict
from pathlib import Path

from pydantic import field_validator

from adaptoscope.counting.cross_fitting import FOLDER
from adaptoscope.counting.finish import finish, fitted_reading
from adaptoscope.counting.heads.table import fitted_heads, kind_of_head
from adaptoscope.counting.learning_set import refuse_kept_back, usual_diameter
from adaptoscope.counting.model_folder import (
    MODEL_FILES,
    ModelRecord,
    counter_of,
    load_counter,
    write_network_copy,
)
from adaptoscope.counting.post_processing import DensityReading
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.imitation import common_pixel_size
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.images.artefacts import clean
from adaptoscope.pretrained.bundled import bundled_weights
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import Settings


class BaselineSettings(Settings):
    """Which simple counter is fitted."""

    method: str
    """`dog`, `otsu_watershed` or `constant`; or `nuclei`, the bundled counter, of which only the
    cell size, the least height of a cell, and what counts at the border are fitted."""

    @field_validator("method")
    @classmethod
    def _method_is_fitted(cls, method: str) -> str:
        if method not in fitted_heads():
            raise ValueError(f"method is one of {', '.join(fitted_heads())}")
        return method


def train_baseline(
    settings: BaselineSettings, out: Path, *, real: CountedImageSet, overwrite: bool = False
) -> Path:
    """Fit a simple counter on the training images and write its model folder.

    Parameters
    ----------
    real
        Counted images, used as in `adaptoscope.counting.regimes.train_counter`.
    overwrite
        Discard a run with other settings in ``out``.

    Returns
    -------
    Path
        ``out``.
    """
    labelled = real.training_part().labelled()
    refuse_kept_back(labelled, real)
    check_labels(labelled)
    images = [labelled.read(record) for record in labelled]
    # As they will be counted: without what is no cell.
    shown = [clean(image.pixels).pixels for image in images]
    counts = [float(len(labelled.points(record))) for record in labelled]
    hashes = {image.name: image.sha256 for image in images}
    diameter = usual_diameter(labelled, shown)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=(*MODEL_FILES, FOLDER))
    run.keep_inputs(hashes.values())
    if not (out / "model.json").exists():
        run.record_environment("cpu")
    facts: dict[str, object] = {
        "diameter_px": diameter,
        "pixel_size_um": common_pixel_size([image.pixel_size_um for image in images]),
        "channel": real.channel,
        "training_images": {sha256: name for name, sha256 in hashes.items()},
    }
    if settings.method == "nuclei":
        _fit_nuclei(run.path, facts, hashes, labelled, real)
        return run.path
    counter = kind_of_head(settings.method).fit(shown, counts)
    fitted = asdict(counter)  # type: ignore[call-overload]
    facts = {**facts, **fitted, "kind": settings.method}
    finish(run.path, ModelRecord.model_validate(facts), counter, real)
    return run.path


def _fit_nuclei(
    folder: Path,
    facts: dict[str, object],
    hashes: dict[str, str],
    labelled: CountedImageSet,
    real: CountedImageSet,
) -> None:
    """Fit how the bundled counter's density is read, and keep it with its weights."""
    bundled = load_counter("nuclei")
    if bundled.density is None:
        raise TypeError("the bundled counter is a density counter")
    network = bundled.density.network
    known = {**bundled.record.training_images, **{sha: name for name, sha in hashes.items()}}
    record = bundled.record.changed(**{**facts, "training_images": known})
    usual = record.reading or DensityReading()
    reading = fitted_reading(counter_of(record, network), usual, labelled, cleaned=True)
    record = record.changed(regime="fitted", reading=reading)
    finish(
        folder,
        record,
        counter_of(record, network),
        real,
        write=lambda complete, card: write_network_copy(
            folder, complete, bundled_weights()["nuclei"], card=card
        ),
    )
