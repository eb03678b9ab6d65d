"""Front door of stage 3: train a counter, or fit a simple one."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptoscope.bulk.tasks import limited_threads
from adaptoscope.counting.heads.table import KINDS, fitted_heads, trained_heads, trained_kind
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import SettingsError, require_training, shortened
from adaptoscope.pipeline.counter_judgement import (
    counter_to_begin_as,
    fine_tuning,
    fit_without_each,
    folds_to_judge,
    judge_trained,
)
from adaptoscope.pipeline.front_door import (
    DeviceName,
    GivenSettings,
    Images,
    Place,
    Plane,
    TrainedModel,
    open_images,
    values_of,
)
from adaptoscope.training.settings import settings_from

if TYPE_CHECKING:
    from adaptoscope.counting.model_folder import CountingModel


def train_counter(
    out: Place,
    *,
    real: Images,
    synthetic: Images | None = None,
    unlabelled: Images | None = None,
    head: str | None = None,
    settings: GivenSettings = None,
    init: str | None = None,
    start: Place | None = None,
    judge: bool = False,
    folds: int | None = None,
    seed: int | None = None,
    device: DeviceName = "auto",
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
    overwrite: bool = False,
) -> TrainedModel:
    """Train a counter on counted images and write its model folder.

    An interrupted training goes on with the same call.

    Parameters
    ----------
    out
        Model folder to write.
    real
        Counted images to learn from, usually two to ten real ones. Of a set with splits, ``train``
        is learnt from and ``val`` gives the measured error; ``test`` is left alone.
    synthetic
        Counted synthetic images to begin with; the real ones follow.
    unlabelled
        Real images on which the steadiest weights are chosen; their labels are not read.
    head
        ``centres``, ``regressor`` or ``fcrn_a`` are learnt; ``nuclei``, ``dog``,
        ``otsu_watershed`` and ``constant`` are fitted to the counts within seconds, from `real`
        alone. None: the one of the settings, else ``centres``.
    settings
        Of that head: ``{"steps": 300}``, a YAML file, or a settings object.
    init
        Where a network starts: ``nuclei``, ``imagenet``, ``imagenet_lite``, ``random``, or a
        .safetensors file.
    start
        Fine-tune a counter in minutes: ``nuclei``, or a model folder with the head ``centres``. It
        gives the weights in place of `init`, and 200 steps unless the settings say how long.
    judge
        Compare `start` (``nuclei`` if not given) with the new counter on the labelled images, by
        cross-validation that keeps groups together: ``judgement.json``.
    folds
        Cross-validate in so many parts for intervals, at least 2, then train on all. With
        `judge` 4.
    seed
        In place of that of the settings, 0.
    device
        Where to train.
    root, channel, z
        How the images are found and read.
    overwrite
        Discard a run with other settings in `out`.

    Returns
    -------
    TrainedModel
        Can be given to `load_counter`, `count_folder` and `evaluate_counter`.

    Raises
    ------
    InputError
        If a set is missing, or its points do not lie on its cells.
    LeakageError
        If an image to learn from is one of those kept back.
    SettingsError
        If there is no such head, or the settings name another one.
    """
    begun = {"init": init, "start": start, "folds": None if judge else folds}
    options = {"synthetic": synthetic, "unlabelled": unlabelled, "settings": settings}
    if head in fitted_heads():
        _refuse_unused(head, **options, **begun)
    values, origin = values_of(settings)
    head = _head(head, values, origin)
    before = not overwrite and (Path(out) / "model.json").is_file()
    if head not in trained_heads():
        _refuse_unused(head, **options, **begun)
        images = open_images(real, root=root, channel=channel, z=z)
        fitted = _fit(Path(out), head, images, before=before, overwrite=overwrite)
        return _judged_fit(fitted, head, images, folds, seed or 0) if judge else fitted
    require_training("training a counter")
    images = open_images(real, root=root, channel=channel, z=z)
    old = None
    if start is not None or judge:
        old = counter_to_begin_as(str(start or "nuclei"), head, init, device)
        values, init = fine_tuning(values), str(start or "nuclei")
        if judge:
            folds = folds_to_judge(old, images, folds)
    schema = trained_kind(head).settings()
    if isinstance(values, dict):
        values = {**values, "head": head}
        if unlabelled is not None:
            values = {"checkpoint": "steadiest", **values}
        if synthetic is not None and "regime" not in values:
            # As many steps on synthetic images as on real ones, unless the settings say so.
            begun = {"regime": "fine_tuned", "pretrain_steps": values.get("pretrain_steps", 1)}
            checked = settings_from({**values, **begun}, schema, origin=origin)
            values = {"pretrain_steps": checked.steps, **values, "regime": "fine_tuned"}
    chosen = settings_from(values, schema, origin=origin)
    given = {"seed": seed, "init": init, "folds": folds}
    chosen = chosen.changed(**{name: value for name, value in given.items() if value is not None})
    from adaptoscope.counting.regimes import train_counter as train

    # A network this small learns as fast with one thread as with two, which wait for each other.
    with limited_threads(1) if judge else nullcontext():
        train(
            chosen,
            Path(out),
            real=images,
            synthetic=None if synthetic is None else open_images(synthetic),
            unlabelled=None
            if unlabelled is None
            else open_images(unlabelled, root=root, channel=channel, z=z),
            device=device,
            overwrite=overwrite,
        )
    trained = _described(Path(out), by_folds=chosen.folds > 0, before=before)
    if old is None or not judge:
        return trained
    return _with_judgement(trained, old, images, chosen.folds, chosen.seed)


def _head(asked: str | None, values: Any, origin: str) -> str:
    """Return the head that was asked for, by itself or in the settings."""
    stored = values.get("head") if isinstance(values, dict) else None
    chosen = asked or stored or KINDS[0].head
    known = (*trained_heads(), *fitted_heads())
    if chosen not in known:
        close = get_close_matches(str(chosen), known, n=1)
        raise SettingsError(
            f"There is no head {shortened(str(chosen), 80)} for a counter.",
            expected=f"one of {', '.join(known)}",
            found=shortened(str(chosen), 80) + (f": did you mean {close[0]}?" if close else ""),
            remedy="correct --head" if asked else f"correct `head` in {origin or 'the settings'}",
        )
    if asked and stored not in (None, asked):
        raise SettingsError(
            "Two heads are asked for.",
            expected="one head for the counter",
            found=f"--head {asked}, and head: {shortened(str(stored), 80)} in "
            f"{origin or 'the settings'}",
            remedy="leave --head out, or take `head` out of the settings",
        )
    return str(chosen)


def _fit(
    out: Path, head: str, real: CountedImageSet, *, before: bool, overwrite: bool
) -> TrainedModel:
    from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline

    fitted = settings_from({"method": head}, BaselineSettings)
    train_baseline(fitted, out, real=real, overwrite=overwrite)
    return _described(out, by_folds=False, before=before)


def _judged_fit(
    fitted: TrainedModel, head: str, images: CountedImageSet, folds: int | None, seed: int
) -> TrainedModel:
    """Fit the same counter without each part of the images, and compare these with `nuclei`."""
    from adaptoscope.counting.model_folder import load_counter

    old = load_counter("nuclei")
    number = folds_to_judge(old, images, folds)
    fit_without_each(fitted.folder, head, images, folds=number, seed=seed)
    return _with_judgement(fitted, old, images, number, seed)


def _with_judgement(
    trained: TrainedModel, old: CountingModel, images: CountedImageSet, folds: int, seed: int
) -> TrainedModel:
    found = judge_trained(trained.folder, old, images, folds=folds, seed=seed)
    return replace(trained, summary=f"{trained.summary}\n{found.in_words()}", judgement=found)


def _described(folder: Path, *, by_folds: bool, before: bool) -> TrainedModel:
    """Say what a counter's error on images left out is, and what could not be measured."""
    from adaptoscope.counting.calibration import LEAST_IMAGES
    from adaptoscope.counting.model_folder import read_record

    record = read_record(folder)
    begin = "It was trained already; --overwrite trains it anew. " if before else ""
    if record.measured is None:
        said = f"{begin}Not measured: no labelled image is in the split val. "
        return TrainedModel(folder, None, said + "Nothing says how well it counts.")
    where = "Cross-validation" if by_folds else "Validation"
    said = "{}{}: MAE {mae:.1f} cells, bias {bias:+.1f}, {n:.0f} images."
    said = said.format(begin, where, **record.measured)
    if record.calibration is None:
        needed = "labelled" if by_folds else "validation"
        said += f" No intervals of single counts: they need {LEAST_IMAGES} {needed} images."
    return TrainedModel(folder, record.measured, said)


def _refuse_unused(method: str, **options: object) -> None:
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        raise SettingsError(
            f"The method {method} has no use for {', '.join(given)}.",
            expected="--real only; it is fitted to the numbers of cells of real images",
            found=", ".join(given),
            remedy=f"leave these options out, or choose --head {', '.join(trained_heads())}",
        )
