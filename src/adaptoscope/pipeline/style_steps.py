"""Steps of style transfer that every experiment takes: each is made once and then only read."""

import json
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.output_folder import is_finished
from adaptoscope.imageio.files import write_json
from adaptoscope.pipeline.real_images import hashes_of_real
from adaptoscope.pipeline.settings import (
    DensityClasses,
    RealFolder,
    RealSimulated,
    StyleSettings,
)
from adaptoscope.style_transfer.backbones.table import hash_of_backbone, open_backbone
from adaptoscope.style_transfer.controls import Method, stylise_by_control
from adaptoscope.style_transfer.exemplars import Exemplar, measure_exemplars
from adaptoscope.style_transfer.learn_style import learn_style, some_images
from adaptoscope.style_transfer.refine_style import learn_refined_style
from adaptoscope.style_transfer.screening.screen import ScreeningSummary, screen_set
from adaptoscope.style_transfer.settings import (
    ScreeningSettings,
    StylisationSettings,
    preprocessing_of,
)
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.synthesis.write import synthesise
from adaptoscope.training.progress import progress_display
from adaptoscope.training.step_loop import Device, start_fabric


def style_inputs(
    style: StyleSettings,
    chosen: RealFolder | RealSimulated,
    real: CountedImageSet,
    style_images: CountedImageSet,
) -> dict[str, str]:
    """Name what an experiment with styles reads and does not make itself, with hashes.

    Parameters
    ----------
    real, style_images
        Its images; simulated ones are left out, since they follow from the settings.
    """
    found = {f"backbone {style.backbone}": hash_of_backbone(style.backbone)}
    if isinstance(chosen, RealFolder):
        found |= hashes_of_real(real)
    if style.images is not None:
        found |= {f"style image {name}": sha256 for name, sha256 in style_images.hashes().items()}
    return found


def draw_once(
    out: Path,
    settings: SynthesisSettings,
    *,
    count: int,
    seed: int,
    like: CountedImageSet | None,
    real: CountedImageSet,
) -> CountedImageSet:
    """Draw cells whose number is known, or open what stands finished.

    Parameters
    ----------
    settings, count, seed, like
        As for `synthesise`.
    real
        Set whose validation and test images must not be followed.
    """
    if is_finished(out):
        return open_counted_images(out)
    with progress_display("draw", count, unit="image") as advance:
        return synthesise(
            out, settings, count=count, seed=seed, like=like, held_out=[real], on_image=advance
        )


class Controls:
    """Drawings matched to real images without learning; these are measured once, when needed.

    Parameters
    ----------
    real
        Set whose validation and test images must not be among them.
    seed
        Seed of the choice of a real image for each drawing, and of noise.
    workers
        Processes; the files are the same for any number.
    """

    def __init__(
        self, images: CountedImageSet, real: CountedImageSet, *, seed: int, workers: int
    ) -> None:
        self._images, self._real = images, real
        self._seed, self._workers = seed, workers

    def match_once(self, out: Path, drawings: CountedImageSet, method: Method) -> CountedImageSet:
        """Match drawings by one method, or open what stands finished."""
        if is_finished(out):
            return open_counted_images(out)
        return stylise_by_control(
            out,
            drawings,
            self._images,
            method,
            self._seed,
            exemplars=self._exemplars,
            held_out=[self._real],
            workers=self._workers,
        )

    @cached_property
    def _exemplars(self) -> tuple[Exemplar, ...]:
        return measure_exemplars(self._images)


def learn_style_once(
    path: Path,
    style: StyleSettings,
    images: CountedImageSet,
    real: CountedImageSet,
    *,
    seed: int,
    stylisation: StylisationSettings,
    tokens: TokenSettings | None = None,
    classes: DensityClasses | None = None,
    device: Device = "auto",
) -> Path:
    """Learn a style from some of the images, unless its file is there.

    Parameters
    ----------
    real
        Set whose validation and test images must not be among them.
    seed
        Seed of the draw of images, the same with and without `tokens`.
    stylisation
        How drawings will be given the style: its images are shown to the backbone alike.
    tokens
        Train the tokens so; none takes them as they are read off the images.
    classes
        With `tokens`, train them for each of these classes apart, from as many images of each as
        `style.limit` says.
    device
        Where to compute.
    """
    if path.exists():
        return path
    backbone = open_backbone(style.backbone, start_fabric(device).device)
    weights = hash_of_backbone(style.backbone)
    shown = preprocessing_of(stylisation)
    path.parent.mkdir(parents=True, exist_ok=True)
    if tokens is None:
        chosen = some_images(images, style.limit, seed)
        learn_style(path, chosen, backbone, weights, shown=shown, held_out=[real], seed=seed)
        return path
    rule = None if classes is None else classes.rule(style.limit, seed)
    learn_refined_style(
        path,
        some_images(images, style.limit, seed) if rule is None else images,
        backbone,
        weights,
        tokens.changed(intensities=shown.intensities),
        shown=shown,
        rule=rule,
        held_out=[real],
        device=device,
    )
    return path


def stylise_once(job: StylisationJob, workers: int) -> CountedImageSet:
    """Stylise a folder of drawings, or open what stands finished; rejected images included."""
    if is_finished(job.out):
        return open_counted_images(job.out, include_rejected=True)
    return stylise_set(job, workers=workers)


def screen_once(
    path: Path,
    made: CountedImageSet,
    drawings: CountedImageSet,
    settings: ScreeningSettings,
    workers: int,
) -> ScreeningSummary:
    """Screen stylised images, unless the summary is there; verdicts go to ``metadata.csv``."""
    if not path.exists():
        write_json(path, asdict(screen_set(made, drawings, settings, workers=workers)))
    return ScreeningSummary(**json.loads(path.read_text("utf-8")))
