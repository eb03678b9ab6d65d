"""Drawings made like real images without learning: what style transfer has to beat."""

import functools
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from adaptoscope.bulk.tasks import run_tasks
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.fingerprint import fingerprint_of
from adaptoscope.datasets.imitation import common_pixel_size, refuse_mixed_depths
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.images.files import MicroscopyImage
from adaptoscope.images.matching import (
    Look,
    match_blur_and_noise,
    match_histogram,
    match_percentiles,
    measure_look,
)
from adaptoscope.style_transfer.stylise import generator_of
from adaptoscope.training.progress import progress

Method = Literal["percentiles", "histogram", "blur_noise"]
METHODS: tuple[Method, ...] = get_args(Method)

_NEAREST = 5
_TITLE = "Drawings matched to real images without learning"
_CARD = """Drawings of cells, each changed to look like one of {images} real images: {what}. A
control for style transfer. Synthetic: no cell here was ever alive. Points, counts and masks are
those of the drawings; live and dead cells are not told apart.
"""
_WHAT = {
    "percentiles": "intensities mapped linearly, so that the percentiles 1 and 99.8 are those of "
    "the real image",
    "histogram": "intensities mapped to the histogram of the real image",
    "blur_noise": "blurred to the softness of its cells, brought to its levels of background and "
    "cells, with fresh noise like that of its camera",
}


@dataclass(frozen=True)
class Reference:
    """A real image that drawings are matched to.

    Parameters
    ----------
    record
        The image.
    sha256
        Hash of its pixels.
    look
        Density, levels, blur and noise, as seen without labels.
    """

    record: ImageRecord
    sha256: str
    look: Look


@dataclass(frozen=True)
class ControlJob:
    """Everything that a worker process needs to know.

    Parameters
    ----------
    out
        Output folder.
    drawings, images
        Drawings and real images.
    references
        What was measured on the real images.
    method, seed
        How to match.
    bit_depth, pixel_size_um
        Of the real images; outputs take them over.
    fingerprint
        Hash of the drawings.
    """

    out: Path
    drawings: CountedImageSet
    images: CountedImageSet
    references: tuple[Reference, ...]
    method: Method
    seed: int
    bit_depth: int
    pixel_size_um: float | None
    fingerprint: str


def stylise_by_control(
    out: Path,
    drawings: CountedImageSet,
    images: CountedImageSet,
    method: Method,
    seed: int = 0,
    *,
    held_out: Iterable[CountedImageSet] = (),
    workers: int = 1,
    overwrite: bool = False,
) -> CountedImageSet:
    """Make every drawing of a folder like a real image by a simple rule.

    Parameters
    ----------
    out
        Folder to write; continued if begun with equal settings and inputs.
    drawings
        Drawings; points, counts and masks are carried over.
    images
        Real images, of which labels are not read. All must share one bit depth.
    method
        ``percentiles``, ``histogram`` or ``blur_noise``; see `adaptoscope.images.matching`.
    seed
        With the name of a drawing the only source of its randomness.
    held_out
        Sets whose validation and test images must not be imitated, recognised by their pixels;
        `images` itself is always one of them.
    workers
        Processes; the files are the same for any number.
    overwrite
        Begin anew a folder that an earlier run wrote.

    Returns
    -------
    CountedImageSet
        The changed drawings. Each takes after one of the five real images nearest to it in
        density, drawn by its own generator and named in the column ``style``; bit depth, pixel
        size and intensity scale are those of the real images.

    Raises
    ------
    LeakageError
        If an image is one that is kept back for validation or testing.
    SettingsError
        If the method is not known.
    InputError
        If bit depths are mixed, or an image cannot be read.
    OutputError
        If the folder holds something else, or is that of the drawings.
    """
    known_method(method)
    _refuse_own_drawings(out, drawings)
    refuse_held_out_images(images, (images, *held_out), "imitate in drawings")
    job = _prepared(out, drawings, images, method, seed)
    writer = _writer(job, overwrite=overwrite)
    run_tasks(
        [record for record in drawings if not writer.has(record.stem)],
        functools.partial(_match_and_write, job=job),
        workers=workers,
        description=f"match {method}",
    )
    return writer.finish(_CARD.format(images=len(job.references), what=_WHAT[method]))


def known_method(name: str) -> Method:
    """Return the method of this name.

    Raises
    ------
    SettingsError
        If there is none.
    """
    for method in METHODS:
        if method == name:
            return method
    raise SettingsError(
        f"There is no control named {name}.",
        expected=" or ".join(METHODS),
        found=name,
        remedy="choose one of these",
    )


def nearest_reference(
    references: Sequence[Reference], cells_per_mpx: float | None, generator: np.random.Generator
) -> Reference:
    """Choose the real image that a drawing takes after, as stylising does.

    Parameters
    ----------
    references
        Real images.
    cells_per_mpx
        Density of the drawing; None draws among all.
    generator
        Source of the draw among the five nearest; exactly one number is drawn from it.
    """
    candidates = np.arange(len(references))
    if cells_per_mpx is not None:
        densities = np.array([reference.look.cells_per_mpx for reference in references])
        candidates = np.argsort(np.abs(densities - cells_per_mpx), kind="stable")[:_NEAREST]
    return references[int(candidates[int(generator.random() * len(candidates))])]


def match_drawing(
    pixels: NDArray[np.float32],
    reference: Reference,
    image: MicroscopyImage,
    method: Method,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Make one drawing like one real image.

    Parameters
    ----------
    pixels
        The drawing, shape (H, W), in [0, 1].
    reference, image
        The real image and what was measured on it.
    method
        How.
    generator
        Source of the noise.

    Returns
    -------
    numpy.ndarray
        Shape (H, W), in [0, 1] of the real image's stored range.
    """
    if method == "percentiles":
        return match_percentiles(pixels, image.pixels)
    if method == "histogram":
        return match_histogram(pixels, image.pixels)
    depth = image.scale.bit_depth
    return match_blur_and_noise(pixels, reference.look, generator, bit_depth=depth)


def _prepared(
    out: Path, drawings: CountedImageSet, images: CountedImageSet, method: Method, seed: int
) -> ControlJob:
    references, depths, sizes = [], set(), []
    for record in progress(list(images), "measure"):
        image = images.read(record)
        depths.add(image.scale.bit_depth)
        refuse_mixed_depths(depths)
        sizes.append(image.pixel_size_um)
        references.append(Reference(record, image.sha256, measure_look(image.pixels)))
    return ControlJob(
        out=out,
        drawings=drawings,
        images=images,
        references=_with_known_widths(references),
        method=method,
        seed=seed,
        bit_depth=depths.pop(),
        pixel_size_um=common_pixel_size(sizes),
        fingerprint=fingerprint_of(drawings),
    )


def _with_known_widths(references: Sequence[Reference]) -> tuple[Reference, ...]:
    """Give images on which no border of a cell was seen the median blur of the others."""
    widths = [reference.look.edge_width for reference in references]
    known = [width for width in widths if np.isfinite(width)]
    if not known:
        raise InputError(
            "No nucleus was seen in the images to imitate.",
            expected="bright nuclei on a dark ground",
            found=f"none in {len(references)} images",
            remedy="choose another channel",
        )
    usual = float(np.median(known))
    return tuple(
        reference
        if np.isfinite(width)
        else replace(reference, look=replace(reference.look, edge_width=usual))
        for reference, width in zip(references, widths, strict=True)
    )


def _match_and_write(record: ImageRecord, job: ControlJob) -> None:
    generator = generator_of(job.seed, record.name)
    reference = nearest_reference(job.references, record.cells_per_mpx, generator)
    image = job.images.read(reference.record)
    drawing = job.drawings.read(record).pixels
    _writer(job).add(
        record.stem,
        match_drawing(drawing, reference, image, job.method, generator),
        bit_depth=job.bit_depth,
        points=job.drawings.points(record) if record.labelled else None,
        mask=job.drawings.mask(record),
        pixel_size_um=job.pixel_size_um,
        cell_diameter_px=record.cell_diameter_px,
        domain=f"control-{job.method}",
        synthetic=True,
        group=record.group,
        split=record.split,
        seed=job.seed,
        layout=record.name,
        style=reference.record.name,
    )


def _writer(job: ControlJob, *, overwrite: bool = False) -> CountedImageWriter:
    settings = {
        "stage": "control",
        "method": job.method,
        "seed": job.seed,
        "drawings_sha256": job.fingerprint,
        "images_sha256": _hash_of_references(job.references),
    }
    return CountedImageWriter(job.out, settings, _TITLE, overwrite=overwrite)


def _hash_of_references(references: Sequence[Reference]) -> str:
    listed = "\n".join(f"{one.record.name} {one.sha256}" for one in references)
    return hashlib.sha256(listed.encode()).hexdigest()


def _refuse_own_drawings(out: Path, drawings: CountedImageSet) -> None:
    if Path(out).resolve() == drawings.folder.resolve():
        raise OutputError(
            f"The output folder {out} is that of the drawings.",
            expected="another folder, so that the drawings stay",
            found="the same folder twice",
            remedy="choose another output folder",
        )
