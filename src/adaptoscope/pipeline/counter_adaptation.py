"""Adapt a counter to a folder of images without any label, and keep it only if that helps."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from pydantic import Field

from adaptoscope.counting.consistency import apart, contradiction
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.heads.table import build_head
from adaptoscope.counting.model_folder import CountingModel, load_counter
from adaptoscope.counting.regimes import train_counter
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.records import ImageRecord, without_label
from adaptoscope.errors import AdaptoscopeError, InputError, OutputError, SettingsError
from adaptoscope.imageio.files import read_header, write_json
from adaptoscope.imageio.large_images import is_large
from adaptoscope.pipeline.settings import StyleSettings
from adaptoscope.pipeline.style_steps import draw_once, learn_style_once, stylise_once
from adaptoscope.pipeline.verdict import Verdict
from adaptoscope.pretrained.weights_files import hash_of_network
from adaptoscope.style_transfer.learn_style import some_images
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.stylise_set import StylisationJob
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.progress import part_of
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import Settings
from adaptoscope.training.step_loop import Device, start_fabric

_SIDE = 256
_VERDICT = "adaptation.json"
_PARTS = ("drawings", "style.safetensors", "styled", "adapted", _VERDICT)


class AdaptSettings(Settings):
    """How a counter is adapted."""

    drawings: int = Field(default=60, ge=4)
    """Drawings with the look of the images: what is learnt from with labels."""
    images: int = Field(default=40, ge=1)
    """Images that are learnt from, at most, drawn at random."""
    cell_diameter_px: float | None = Field(default=None, gt=0)
    """Cell diameter of the images in pixels, where it is not to be measured."""
    style_images: int = Field(default=12, ge=1)
    """Images whose look they take, at most."""
    steps: int = Field(default=120, ge=1)
    """Training steps of each seed."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Step size of Adam."""
    compared: int = Field(default=8, ge=1)
    """Images on which the counters before and after are compared, at most."""
    seeds: int = Field(default=2, ge=2)
    """Trainings whose agreement is looked at."""
    least_gain: float = Field(default=0.05, ge=0, lt=1)
    """Share by which the seeds, on average, must contradict themselves less than the counter
    before."""
    most_missed: float = Field(default=0.1, ge=0, lt=1)
    """How much more of an image laid over itself a seed may miss: a counter that always says the
    same is steady."""
    seed: int = Field(default=0, ge=0)
    """First seed."""


def adapt_counter(
    model: str | Path,
    images: CountedImageSet,
    out: Path,
    settings: AdaptSettings | None = None,
    *,
    device: Device = "auto",
    overwrite: bool = False,
) -> tuple[CountingModel, Verdict]:
    """Let a density counter learn how the cells of some images look, without any label.

    Drawings follow the images in the size and number of their cells and take their look by AdaIN;
    the counter learns on these, and by its own averaged opinion on the images (`dacs` with
    `mode: teacher`, and of each training the steadiest weights). It is kept if the seeds together
    contradict themselves less than the counter did, none of them more, none misses much more where
    images are laid over themselves, and the seeds are nearer to one another than to where it was:
    what chance moved is not kept.

    Parameters
    ----------
    model
        ``nuclei``, or the folder of a counter with the head ``centres``.
    images
        The images; labels are not read. Of a set with splits only ``train`` is looked at. Images
        that cannot be read, and those too large to be read whole, are passed over.
    out
        Folder for all of it; a killed adaptation goes on, a finished one is read.
    device
        Where to compute.
    overwrite
        Discard an adaptation with other settings, counter or images; one that fits is used.

    Returns
    -------
    tuple
        The counter to use, and the verdict, which ``adaptation.json`` holds too. An adapted counter
        reads densities and knows unlike images as the one before, and has no intervals.
    """
    chosen = settings or AdaptSettings()
    before = load_counter(model)
    if before.record.kind != "centres":
        raise SettingsError(
            f"The counter {before.name} cannot be adapted without labels.",
            expected="nuclei, or a counter with the head centres",
            found=before.record.kind,
            remedy="leave --adapt out, or choose another --model",
        )
    shown = _readable(images, chosen)
    training = _training(model, before, chosen)
    inputs = [*shown.hashes().values(), hash_of_network(build_head(training).network)]
    _open_run(out, chosen, inputs, overwrite=overwrite)
    if not (out / _VERDICT).exists():
        styled = _styled(out, shown, images, chosen, device)
        after = []
        for seed in range(chosen.seed, chosen.seed + chosen.seeds):
            with part_of(f"adapt, seed {seed}"):
                how = training.changed(seed=seed)
                train_counter(how, _adapted(out, seed), real=shown, synthetic=styled, device=device)
            after.append(adapted_counter(before, out, seed))
        write_json(out / _VERDICT, asdict(judge(before, after, shown, chosen)))
    found = json.loads((out / _VERDICT).read_text("utf-8"))
    found |= {name: tuple(found[name]) for name in ("after", "missed_after")}
    verdict = Verdict(**found)
    counter = adapted_counter(before, out, verdict.seed) if verdict.kept else before
    return counter, verdict


def adapted_counter(before: CountingModel, out: Path, seed: int) -> CountingModel:
    """Open the counter of one seed: it reads densities, and knows unlike images, as before."""
    adapted = load_counter(_adapted(out, seed))
    first, counter = _density_counter(before), _density_counter(adapted)
    record = adapted.record.changed(reading=first.reading, known=before.record.known)
    name = f"{before.name}, adapted"
    return CountingModel(name, record, counter.with_reading(first.reading))


def judge(
    before: CountingModel,
    after: Sequence[CountingModel],
    images: CountedImageSet,
    settings: AdaptSettings,
) -> Verdict:
    """Compare adapted counters, one for each seed, with the one before.

    Parameters
    ----------
    images
        Some of these are looked at; no label is read.
    settings
        How many, and how much steadier the counters must be.
    """
    shown = some_images(images, settings.compared, settings.seed)
    pixels = [shown.read(record).pixels for record in shown]
    first = _density_counter(before)
    started = [first.count(image) for image in pixels]
    diameters = [found.diameter_px or first.working_diameter for found in started]
    counters = [first, *map(_density_counter, after)]
    unsteady, *steadied = [contradiction(counter, pixels, diameters) for counter in counters]
    ends = [np.array([each.count(image).count for image in pixels]) for each in counters[1:]]
    start = np.array([found.count for found in started])
    spreads, missed = [one.spread for one in steadied], [one.missed for one in steadied]
    between = apart(ends)
    moved = float(np.mean([apart([start, end]) for end in ends]))
    steadier = np.mean(spreads) < (1 - settings.least_gain) * unsteady.spread
    as_much = max(missed) <= unsteady.missed + settings.most_missed
    return Verdict(
        kept=bool(steadier and max(spreads) < unsteady.spread and as_much and between < moved),
        before=unsteady.spread,
        after=tuple(spreads),
        missed_before=unsteady.missed,
        missed_after=tuple(missed),
        between_seeds=between,
        moved=moved,
        seed=settings.seed + int(np.argmin(spreads)),
    )


def _open_run(out: Path, settings: AdaptSettings, inputs: list[str], *, overwrite: bool) -> None:
    """Go on with the adaptation in a folder; discard one to something else only if asked to."""
    try:
        RunFolder.open(out, settings, parts=_PARTS).keep_inputs(inputs)
    except OutputError:
        if not overwrite:
            raise
        RunFolder.open(out, settings, overwrite=True, parts=_PARTS).keep_inputs(inputs)


def _adapted(out: Path, seed: int) -> Path:
    return out / "adapted" / f"seed{seed}"


def _readable(images: CountedImageSet, settings: AdaptSettings) -> CountedImageSet:
    """Draw images to learn from, without their labels; what cannot be read whole is left out."""
    part = images.training_part()
    order = np.random.default_rng(settings.seed).permutation(len(part))
    chosen: list[ImageRecord] = []
    fault = "no image"
    for record in (part.records[index] for index in order):
        if len(chosen) == settings.images:
            break
        try:
            header = read_header(part.path(record))
            if is_large((header.height, header.width)):
                fault = f"{record.name} with {header.height} x {header.width} pixels"
                continue
            part.read(record)
        except AdaptoscopeError as error:
            fault = f"{error.summary} ({error.found})"
            continue
        known = settings.cell_diameter_px or record.cell_diameter_px
        chosen.append(dataclasses.replace(without_label(record), cell_diameter_px=known))
    if not chosen:
        raise InputError(
            f"Nothing in {images.folder} can be adapted to.",
            expected="at least one image that can be read whole",
            found=fault,
            remedy="leave --adapt out, or give a folder of such images",
        )
    return part.with_records(sorted(chosen, key=lambda record: record.file_name))


def _density_counter(model: CountingModel) -> DensityCounter:
    if model.density is None:
        raise TypeError(f"a counter of the kind {model.record.kind} draws no density")
    return model.density


def _styled(
    out: Path,
    bare: CountedImageSet,
    images: CountedImageSet,
    settings: AdaptSettings,
    device: Device,
) -> CountedImageSet:
    """Make drawings that follow the images, and give them their look."""
    draw_once(
        out / "drawings",
        SynthesisSettings(height=_SIDE, width=_SIDE),
        count=settings.drawings,
        seed=settings.seed,
        like=bare,
        real=images,
    )
    style = StyleSettings(limit=settings.style_images)
    how = StylisationSettings(inversion="none")
    path = learn_style_once(
        out / "style.safetensors",
        style,
        bare,
        images,
        seed=settings.seed,
        stylisation=how,
        device=device,
    )
    job = StylisationJob(
        out=out / "styled",
        drawings=out / "drawings",
        style=path,
        backbone=style.backbone,
        settings=how,
        device=str(start_fabric(device).device),
    )
    return stylise_once(job, 1)


def _training(model: str | Path, before: CountingModel, settings: AdaptSettings) -> DensitySettings:
    return DensitySettings(
        init=str(model),
        regime="dacs",
        mode="teacher",
        checkpoint="steadiest",
        normalisation=before.record.normalisation,
        diameter=before.record.working_diameter_px or DensitySettings().diameter,
        steps=settings.steps,
        learning_rate=settings.learning_rate,
    )
