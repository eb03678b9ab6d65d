"""Drawings made like real images without learning: what style transfer has to beat."""

import copy
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from adaptoscope.bulk.tasks import run_tasks
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.fingerprint import fingerprint_of
from adaptoscope.datasets.imitation import common_pixel_size
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import SettingsError
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.images.matching import (
    match_blur_and_noise,
    match_histogram,
    match_percentiles,
)
from adaptoscope.images.randomness import generator_of
from adaptoscope.style_transfer.exemplars import Exemplar, measure_exemplars
from adaptoscope.style_transfer.made_from_drawings import refuse_own_drawings
from adaptoscope.style_transfer.style_image_choice import nearest_by_density

Method = Literal["percentiles", "histogram", "blur_noise"]
METHODS: tuple[Method, ...] = get_args(Method)

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
class ControlJob:
    """What is the same for all drawings; it goes to a worker process with each of them.

    `settings` is all that the files depend on, as the output folder keeps it; bit depth and pixel
    size are those of the real images.
    """

    out: Path
    settings: Mapping[str, Any]
    method: Method
    seed: int
    bit_depth: int
    pixel_size_um: float | None


@dataclass(frozen=True)
class ControlTask:
    """One drawing and the real image that it takes after, each as a set of its own.

    `generator` is the drawing's own, after the real image was drawn: the source of the noise.
    """

    drawing: CountedImageSet
    image: CountedImageSet
    exemplar: Exemplar
    generator: np.random.Generator

    @property
    def record(self) -> ImageRecord:
        """The drawing."""
        return self.drawing.records[0]

    @property
    def name(self) -> str:
        """Base name of the drawing."""
        return self.record.name


def stylise_by_control(
    out: Path,
    drawings: CountedImageSet,
    images: CountedImageSet,
    method: Method,
    seed: int = 0,
    *,
    exemplars: Sequence[Exemplar] = (),
    held_out: Iterable[CountedImageSet] = (),
    workers: int = 1,
    overwrite: bool = False,
) -> CountedImageSet:
    """Make every drawing of a folder like a real image by a simple rule.

    Each takes after one of the five real images nearest to it in density, drawn by its own
    generator and named in the column ``style``; bit depth, pixel size and intensity scale are those
    of the real images. The files are the same for any number of workers.

    Parameters
    ----------
    drawings
        Drawings; points, counts and masks are carried over.
    images
        Real images of one bit depth, of which labels are not read.
    method
        ``percentiles``, ``histogram`` or ``blur_noise``; see `adaptoscope.images.matching`.
    exemplars
        What `measure_exemplars` says of `images`; measured if not given.
    held_out
        Sets whose validation and test images must not be imitated, recognised by their pixels;
        `images` itself is always one of them.
    """
    known_method(method)
    refuse_own_drawings(Path(out), drawings.folder)
    refuse_held_out_images(images, (images, *held_out), "imitate in drawings")
    exemplars = exemplars or measure_exemplars(images)
    job = _job(out, drawings, exemplars, method, seed)
    writer = CountedImageWriter(out, job.settings, _TITLE, overwrite=overwrite)
    left = drawings.with_records(record for record in drawings if not writer.has(record.stem))
    run_tasks(
        _tasks(left, images, exemplars, seed),
        functools.partial(_match_and_write, job=job),
        workers=workers,
        description=f"match {method}",
        unit="image",
    )
    return writer.finish(_CARD.format(images=len(exemplars), what=_WHAT[method]))


def known_method(name: str) -> Method:
    """Return the method of this name."""
    for method in METHODS:
        if method == name:
            return method
    raise SettingsError(
        f"There is no control named {name}.",
        expected=" or ".join(METHODS),
        found=name,
        remedy="choose one of these",
    )


def match_drawing(
    pixels: NDArray[np.float32],
    exemplar: Exemplar,
    image: MicroscopyImage,
    method: Method,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Make one drawing like one real image.

    Parameters
    ----------
    pixels
        The drawing, shape (H, W), in [0, 1].
    exemplar, image
        The real image and what was measured on it.

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
    return match_blur_and_noise(pixels, exemplar.look, generator, bit_depth=depth)


def _job(
    out: Path,
    drawings: CountedImageSet,
    exemplars: Sequence[Exemplar],
    method: Method,
    seed: int,
) -> ControlJob:
    settings = {
        "stage": "control",
        "method": method,
        "seed": seed,
        "drawings_sha256": fingerprint_of(drawings),
        "images_sha256": _hash_of_exemplars(exemplars),
    }
    return ControlJob(
        out=out,
        settings=settings,
        method=method,
        seed=seed,
        bit_depth=exemplars[0].bit_depth,
        pixel_size_um=common_pixel_size(exemplar.pixel_size_um for exemplar in exemplars),
    )


def _tasks(
    drawings: CountedImageSet, images: CountedImageSet, exemplars: Sequence[Exemplar], seed: int
) -> list[ControlTask]:
    """Choose for every drawing the real image that it takes after."""
    densities = [exemplar.look.cells_per_mpx for exemplar in exemplars]
    tasks = []
    for record in drawings:
        generator = generator_of(seed, record.name)
        exemplar = exemplars[nearest_by_density(densities, record.cells_per_mpx, generator)]
        image = images.only(exemplar.record)
        tasks.append(ControlTask(drawings.only(record), image, exemplar, generator))
    return tasks


def _match_and_write(task: ControlTask, job: ControlJob) -> None:
    record, image = task.record, task.image.read(task.exemplar.record)
    # A task may be done twice: its generator stays as it is.
    generator = copy.deepcopy(task.generator)
    drawing = task.drawing.read(record).pixels
    CountedImageWriter(job.out, job.settings, _TITLE).add(
        record.stem,
        match_drawing(drawing, task.exemplar, image, job.method, generator),
        bit_depth=job.bit_depth,
        points=task.drawing.points(record) if record.labelled else None,
        mask=task.drawing.mask(record),
        pixel_size_um=job.pixel_size_um,
        cell_diameter_px=record.cell_diameter_px,
        domain=f"control-{job.method}",
        synthetic=True,
        group=record.group,
        split=record.split,
        seed=job.seed,
        layout=record.name,
        style=task.exemplar.record.name,
    )


def _hash_of_exemplars(exemplars: Sequence[Exemplar]) -> str:
    listed = "\n".join(f"{one.record.name} {one.sha256}" for one in exemplars)
    return hashlib.sha256(listed.encode()).hexdigest()
