"""Fit a simple counter on a counted set and keep it as a model folder."""

from dataclasses import asdict
from pathlib import Path

from adaptoscope.counting.baselines import BaselineName, fit_baseline
from adaptoscope.counting.counters import Counter
from adaptoscope.counting.crops import (
    common_pixel_size,
    refuse_kept_back,
    usual_diameter,
)
from adaptoscope.counting.finish import finish
from adaptoscope.counting.model_folder import MODEL_FILES, ModelRecord
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import Settings


class BaselineSettings(Settings):
    """Which simple counter is fitted."""

    method: BaselineName
    """`dog`, `otsu_watershed` or `constant`."""


def train_baseline(
    settings: BaselineSettings, out: Path, *, real: CountedImageSet, overwrite: bool = False
) -> Path:
    """Fit a simple counter on the training images and write its model folder.

    Parameters
    ----------
    settings
        Which counter.
    out
        The model folder.
    real
        Counted images, used as in `adaptoscope.counting.regimes.train_counter`.
    overwrite
        Discard a run with other settings in ``out``.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    InputError
        No training image has its cells marked, their cells are not what `check_labels` accepts,
        or none shows cells.
    LeakageError
        A training image is one of the images kept back.
    """
    labelled = real.training_part().labelled()
    refuse_kept_back(labelled, real)
    check_labels(labelled)
    images = [labelled.read(record) for record in labelled]
    counts = [float(len(labelled.points(record))) for record in labelled]
    hashes = {image.name: image.sha256 for image in images}
    counter = fit_baseline(settings.method, [image.pixels for image in images], counts)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=MODEL_FILES)
    run.keep_inputs(hashes.values())
    if not (out / "model.json").exists():
        run.record_environment("cpu")
    facts = {
        "diameter_px": usual_diameter(labelled, [image.pixels for image in images]),
        "pixel_size_um": common_pixel_size([image.pixel_size_um for image in images]),
        **_parameters(counter),
        "kind": settings.method,
        "channel": real.channel,
        "training_images": {sha256: name for name, sha256 in hashes.items()},
    }
    finish(run.path, ModelRecord.model_validate(facts), counter, real)
    return run.path


def _parameters(counter: Counter) -> dict[str, float]:
    found: dict[str, float] = asdict(counter)  # type: ignore[call-overload]
    return found
