"""Front door of stage 2: learn the look of real images, give it to drawings, screen the result."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from adaptoscope.errors import SettingsError, require_training
from adaptoscope.pipeline.front_door import (
    DeviceName,
    GivenSettings,
    Images,
    Place,
    Plane,
    each_of,
    open_images,
    settings_of,
)

if TYPE_CHECKING:
    from adaptoscope.datasets.counted_images import CountedImageSet
    from adaptoscope.style_transfer.screening.screen import ScreeningSummary
    from adaptoscope.style_transfer.style_file import Style
    from adaptoscope.style_transfer.style_tokens.settings import DensityRule


def learn_style(
    out: Place,
    images: Images,
    *,
    held_out: Iterable[Images] | Images | None = None,
    steps: int | None = None,
    tokens: GivenSettings = None,
    classes: str | None = None,
    class_rule: GivenSettings = None,
    settings: GivenSettings = None,
    backbone: Place = "compact",
    limit: int | None = None,
    seed: int | None = None,
    device: DeviceName = "auto",
    overwrite: bool = False,
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
) -> Style:
    """Read the style off real images, without their labels; train its tokens if asked to.

    Parameters
    ----------
    out
        Style file to write, ending in ``.safetensors``. Training keeps its runs in a folder beside
        it and goes on there when interrupted.
    images
        Real images; of a set with splits, ``train`` alone.
    held_out
        Sets whose validation and test images are refused.
    steps
        Also train the tokens, so many steps; at least 1.
    tokens
        TokenSettings of that training, which is then done too.
    classes
        Tokens for each density class: by ``count`` or ``cells_per_mpx``; only when training.
    class_rule
        DensityRule: limits, source, images of a class; only when training.
    settings
        StylisationSettings, as for `stylise`: how images are shown to the backbone. Of a file that
        holds `tokens`, `density` or `stylisation`, each argument takes its part.
    backbone
        ``compact``, a folder of ``style train-backbone``, or a YAML file of
        StableDiffusionSettings.
    limit
        Use at most this many images; not with classes.
    seed
        Of the draw and of the training, 0.
    device
        Where networks run.
    overwrite
        Replace another style.
    root, channel, z
        How the images are found and read.

    Returns
    -------
    Style
        What was learnt; the file holds the same.

    Raises
    ------
    LeakageError
        If an image is one of those kept back.
    """
    require_training("learning a style")
    from adaptoscope.style_transfer.settings import USUAL, StylisationSettings, preprocessing_of
    from adaptoscope.style_transfer.style_tokens.settings import TokenSettings

    shown, training = USUAL, None
    if settings is not None:
        shown = preprocessing_of(settings_of(settings, StylisationSettings, section="stylisation"))
    if steps is not None or tokens is not None:
        usual = None if settings is None else shown.intensities
        training = settings_of(
            tokens, TokenSettings, section="tokens", steps=steps, seed=seed, intensities=usual
        )
    rule = _density_rule(classes, class_rule, seed, trained=training is not None)
    real, *others = (
        open_images(each, root=root, channel=channel, z=z) for each in (images, *each_of(held_out))
    )
    from adaptoscope.style_transfer.refine_style import learn_style_on

    return learn_style_on(
        str(Path(backbone)),
        Path(out),
        real,
        tokens=training,
        seed=seed or 0,
        shown=shown,
        rule=rule,
        held_out=others,
        limit=limit,
        device=device,
        overwrite=overwrite,
    )


def _density_rule(
    measure: str | None, given: GivenSettings, seed: int | None, *, trained: bool
) -> DensityRule | None:
    """Return how images are classed, or none; `measure` and `seed` have the last word."""
    from adaptoscope.style_transfer.style_tokens.settings import DensityRule

    if measure is None and given is None:
        return None
    option = "--classes" if given is None else "--class-rule"
    if not trained:
        raise SettingsError(
            f"The option {option} makes no difference here.",
            expected="--steps or --tokens beside it: classes differ in the tokens they learn",
            found="a style that is read off the images without training",
            remedy="leave it out, or add --steps 1000",
        )
    return settings_of(given, DensityRule, section="density", measure=measure, seed=seed)


def stylise(
    drawings: Place,
    out: Place,
    style: Place,
    *,
    settings: GivenSettings = None,
    strength: float | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    inversion: str | None = None,
    sampler: str | None = None,
    adain: str | None = None,
    guard: float | None = None,
    use_layout: bool | None = None,
    best_of: int | None = None,
    tile: int | None = None,
    backbone: Place = "compact",
    seed: int | None = None,
    device: DeviceName = "auto",
    workers: int = 1,
    overwrite: bool = False,
) -> CountedImageSet:
    """Give drawings the look of real images; points, counts and masks are carried over.

    Parameters
    ----------
    drawings
        Folder of drawings, as `synthesise` writes it.
    out
        Folder to write; an interrupted run goes on with the same call.
    style
        Style file of `learn_style`.
    settings
        StylisationSettings; what is given below wins over it.
    strength
        Share of the noise schedule, from 0 (AdaIN alone) to 1; 0.7 if not given.
    steps
        Sampling steps, at least 1; 50.
    guidance
        At least 0; 1. Others take twice the time.
    inversion
        ``stochastic``, ``sdedit``, ``ddim``, or ``none`` (AdaIN alone).
    sampler
        ``ddim``, or ``dpm_solver`` with 20 steps.
    adain
        Statistics taken over ``regions``, the ``whole`` image, or ``none``.
    guard
        Share of the way that holds coarse structure, from 0 to 1; 0.
    use_layout
        Condition on the drawing's mask; true.
    best_of
        Attempts, of which the one that keeps cells best is taken; 1.
    tile
        Side in pixels of tiles, at least 128, where images are larger.
    backbone
        As in `learn_style`.
    seed
        The same seed and inputs give the same files; 0.
    device
        Where networks run.
    workers
        Processes; the files are the same for any number.
    overwrite
        Begin anew a folder that was made with other settings.

    Returns
    -------
    CountedImageSet
        The stylised images.

    Raises
    ------
    SettingsError
        If the style does not fit the backbone or the settings.
    """
    require_training("stylising")
    from adaptoscope.style_transfer.settings import StylisationSettings

    chosen = settings_of(
        settings,
        StylisationSettings,
        section="stylisation",
        strength=strength,
        steps=steps,
        guidance=guidance,
        inversion=inversion,
        sampler=sampler,
        adain=adain,
        guard=guard,
        use_layout=use_layout,
        best_of=best_of,
        tile=tile,
        seed=seed,
    )
    if not Path(drawings).is_dir():
        open_images(drawings)  # Says what is wrong, before a network library is loaded.
    from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
    from adaptoscope.training.step_loop import start_fabric

    place = str(start_fabric(device).device)
    job = StylisationJob(Path(out), Path(drawings), Path(style), str(Path(backbone)), chosen, place)
    return stylise_set(job, workers=workers, overwrite=overwrite)


def screen(
    images: Place,
    drawings: Images,
    *,
    settings: GivenSettings = None,
    workers: int = 1,
) -> ScreeningSummary:
    """Find the drawn cells again in stylised images and mark what is kept in ``metadata.csv``.

    An interrupted run goes on with the same call. Rejected images stay; readers skip them.

    Parameters
    ----------
    images
        Folder of stylised images.
    drawings
        The drawings they were made from.
    settings
        ScreeningSettings: names and values, a YAML file, or an object.
    workers
        Processes.

    Returns
    -------
    ScreeningSummary
        How many were kept, and why others were not.
    """
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.style_transfer.settings import ScreeningSettings

    chosen = settings_of(settings, ScreeningSettings)
    opened = open_counted_images(Path(images), include_rejected=True)
    drawn = open_images(drawings)

    from adaptoscope.style_transfer.screening.screen import screen_set

    return screen_set(opened, drawn, chosen, workers=workers)
