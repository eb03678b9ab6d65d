"""Stylise a whole folder of drawings; one micro-batch is one task that may be repeated."""

import functools
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from adaptoscope.bulk.tasks import run_tasks
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord, open_counted_images
from adaptoscope.datasets.fingerprint import fingerprint_of
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.images.cell_centres import Points
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.backbones.table import (
    backbone_class,
    hash_of_backbone,
    open_backbone,
)
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.diffusion.sampling import evaluations
from adaptoscope.style_transfer.made_from_drawings import refuse_own_drawings
from adaptoscope.style_transfer.micro_batches import arrange
from adaptoscope.style_transfer.preprocessing import refuse_other_preprocessing, refuse_unsupported
from adaptoscope.style_transfer.screening.best_of import best_attempt
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import Style, load_style
from adaptoscope.style_transfer.stylise import Drawing, Stylised, stylise_batch

_CARD = """Drawings of cells with the look of real images, made by style transfer with a latent
diffusion model. Synthetic: no cell here was ever alive. Points, counts and masks are those of the
drawings; the style only suggests live or dead cells, which are not told apart.

- Style: {style}, learnt from {images} real images (their hashes are in the style file).
- Backbone: {backbone}.
- {how}.
"""


@dataclass(frozen=True)
class StylisationJob:
    """Everything that a worker process needs to know, as plain values.

    The backbone is named as in `open_backbone`, the device as PyTorch names it.
    """

    out: Path
    drawings: Path
    style: Path
    backbone: str
    settings: StylisationSettings
    device: str = "cpu"


@dataclass(frozen=True)
class Inputs:
    """Hashes of the style file and of the drawings, by which changed inputs are noticed."""

    style_sha256: str
    drawings_sha256: str


def stylise_set(
    job: StylisationJob, *, workers: int = 1, overwrite: bool = False
) -> CountedImageSet:
    """Stylise every drawing of a folder that is not stylised yet.

    Points, counts and masks are those of the drawings; the files are the same for any number of
    workers. With `overwrite` a folder that was made with other settings is begun anew.
    """
    drawings = open_counted_images(job.drawings)
    style = load_style(job.style)
    refuse_unsupported(backbone_class(job.backbone), job.settings)
    _refuse_other_backbone(job, style)
    refuse_other_preprocessing(style.facts, job.settings)
    refuse_own_drawings(job.out, job.drawings)
    if job.settings.best_of > 1:
        _refuse_unknown_cells(drawings)
    by_size: dict[tuple[int, int], list[ImageRecord]] = defaultdict(list)
    for record in drawings:
        by_size[drawings.size(record)].append(record)
    inputs = Inputs(hashlib.sha256(job.style.read_bytes()).hexdigest(), fingerprint_of(drawings))
    writer = _writer(job, inputs, overwrite=overwrite)
    batches = [
        batch
        for records in by_size.values()
        for batch in arrange(
            (record.name for record in records if not writer.has(record.stem)), job.settings.batch
        )
    ]
    run_tasks(
        batches,
        functools.partial(_stylise_and_write, job=job, inputs=inputs),
        workers=workers,
        description="stylise",
        unit="batch",
    )
    card = _CARD.format(
        style=job.style.name,
        images=len(style.facts.images),
        backbone=f"{style.facts.backbone} ({style.facts.backbone_sha256[:12]})",
        how=job.settings.in_words(),
    )
    return writer.finish(card)


def _stylise_and_write(names: tuple[str, ...], job: StylisationJob, inputs: Inputs) -> None:
    drawings, style, backbone = _open(job, inputs)
    records = {record.name: record for record in drawings}
    chosen = [records[name] for name in names]
    batch = [
        Drawing(
            name=record.name,
            pixels=drawings.read(record).pixels,
            mask=drawings.mask(record),
            cells_per_mpx=record.cells_per_mpx,
        )
        for record in chosen
    ]
    points = [drawings.points(record) if record.labelled else None for record in chosen]
    writer = _writer(job, inputs)
    classes = {image.name: image.density_class for image in style.facts.images}
    for record, drawing, centres, result in zip(
        chosen, batch, points, _stylise(chosen, batch, points, style, backbone, job), strict=True
    ):
        writer.add(
            record.stem,
            result.pixels,
            bit_depth=style.facts.bit_depth,
            points=centres,
            mask=drawing.mask,
            pixel_size_um=style.facts.pixel_size_um,
            cell_diameter_px=record.cell_diameter_px,
            domain="stylised",
            synthetic=True,
            group=record.group,
            split=record.split,
            seed=job.settings.seed,
            layout=record.name,
            style=result.style_image,
            density_class=classes[result.style_image] or None,
            backbone=style.facts.backbone,
            **_diffusion_of(job.settings),
        )


def _diffusion_of(settings: StylisationSettings) -> dict[str, float | str | None]:
    """Return what ``metadata.csv`` says of diffusion: what was done, not what was asked for."""
    if not evaluations(NoiseSchedule(), settings):
        return {"strength": 0.0, "guidance": None, "inversion": "none"}
    return settings.model_dump(include={"strength", "guidance", "inversion"})


def _stylise(
    records: Sequence[ImageRecord],
    drawings: Sequence[Drawing],
    points: Sequence[Points | None],
    style: Style,
    backbone: Backbone,
    job: StylisationJob,
) -> list[Stylised]:
    """Stylise one micro-batch: once, or several times, and keep the best attempt at each."""
    attempts = [
        stylise_batch(drawings, style, backbone, job.settings, attempt=attempt)
        for attempt in range(job.settings.best_of)
    ]
    if job.settings.best_of == 1:
        return attempts[0]
    return [
        tries[best_attempt([made.pixels for made in tries], centres, record.cell_diameter_px)]
        for tries, centres, record in zip(zip(*attempts, strict=True), points, records, strict=True)
        if centres is not None and record.cell_diameter_px
    ]


def _refuse_unknown_cells(drawings: CountedImageSet) -> None:
    if not all(record.labelled and record.cell_diameter_px for record in drawings):
        raise InputError(
            "The best of several attempts cannot be chosen.",
            expected="drawings with points and a cell diameter",
            found="drawings without",
            remedy="set `best_of` to 1, or add points.csv and cell_diameter_px",
        )


@functools.lru_cache(maxsize=2)
def _open(job: StylisationJob, inputs: Inputs) -> tuple[CountedImageSet, Style, Backbone]:
    """Open what a process needs once; `inputs` is part of the key, as files may be replaced."""
    backbone = open_backbone(job.backbone, job.device)
    return open_counted_images(job.drawings), load_style(job.style), backbone


def _writer(job: StylisationJob, inputs: Inputs, *, overwrite: bool = False) -> CountedImageWriter:
    settings = {"stylisation": job.settings.model_dump(mode="json"), **asdict(inputs)}
    return CountedImageWriter(job.out, settings, "Stylised drawings", overwrite=overwrite)


def _refuse_other_backbone(job: StylisationJob, style: Style) -> None:
    found = hash_of_backbone(job.backbone)
    if found != style.facts.backbone_sha256:
        raise SettingsError(
            f"The style {job.style.name} was learnt with another backbone.",
            expected=f"weights with hash {style.facts.backbone_sha256[:12]}",
            found=f"{job.backbone} with hash {found[:12]}",
            remedy="learn the style again with this backbone, or name the one it was learnt with",
        )
