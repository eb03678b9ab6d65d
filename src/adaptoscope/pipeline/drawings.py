"""Front door of stages 0 and 1: invent images with their truth, draw cells of known number."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.front_door import (
    GivenSettings,
    Images,
    Place,
    Plane,
    each_of,
    open_images,
    settings_of,
)
from adaptoscope.training.progress import progress_display

if TYPE_CHECKING:
    from adaptoscope.datasets.counted_images import CountedImageSet
    from adaptoscope.datasets.paired_stains import PairedStainSet


def simulate(
    out: Place,
    *,
    count: int = 100,
    settings: GivenSettings = None,
    like: Images | None = None,
    held_out: Iterable[Images] | Images | None = None,
    cultures: int = 4,
    randomise: bool = False,
    train: float = 1.0,
    val: float = 0.0,
    test: float = 0.0,
    seed: int = 0,
    overwrite: bool = False,
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
) -> CountedImageSet:
    """Invent stained cells under a microscope; points and masks are exact.

    Parameters
    ----------
    out
        Folder to write; an interrupted run goes on with the same call.
    count
        Number of images, at least 1.
    settings
        SimulationSettings: names and values, a YAML file, or an object. Sizes are in pixels.
    like
        Real images whose sizes, light and noise are followed.
    held_out
        Sets whose validation and test images are refused in `like`.
    cultures
        Cultures, each with a brightness of its own, at least 1.
    randomise
        Another specimen and microscope for every image; not with `like`.
    train, val, test
        Shares of the images in each split, from 0 to 1, 1 together.
    seed
        The same seed and settings give the same files.
    overwrite
        Replace what an earlier run wrote.
    root, channel, z
        How real images are found and read.

    Returns
    -------
    CountedImageSet
        The folder, opened.

    Raises
    ------
    SettingsError
        If a setting is out of range or contradicts another one.
    LeakageError
        If an image of `like` is one of those kept back.
    """
    from adaptoscope.simulation.settings import SimulationSettings

    if like is not None and randomise:
        raise _two_microscopes()
    chosen = settings_of(settings, SimulationSettings)
    followed = [] if like is None else [like, *each_of(held_out)]
    sets = [open_images(each, root=root, channel=channel, z=z) for each in followed]

    from adaptoscope.simulation.likeness import measure_real_fields, simulation_like
    from adaptoscope.simulation.write import simulate as write_simulated

    if sets:
        chosen = simulation_like(measure_real_fields(sets[0], held_out=sets[1:]), chosen)
    with progress_display("simulate", count, unit="image") as advance:
        return write_simulated(
            Path(out),
            chosen,
            count,
            seed,
            fractions={"train": train, "val": val, "test": test},
            cultures=cultures,
            randomise=randomise,
            overwrite=overwrite,
            on_image=advance,
        )


def simulate_pairs(
    out: Place,
    *,
    count: int = 100,
    settings: GivenSettings = None,
    modality: Iterable[str] | str = "phase",
    train: float = 1.0,
    val: float = 0.0,
    test: float = 0.0,
    seed: int = 0,
    overwrite: bool = False,
) -> PairedStainSet:
    """Invent cells in transmitted light, with the fluorescence stains ``dapi`` and ``cd29``.

    Parameters
    ----------
    out
        Folder to write; an interrupted run goes on with the same call.
    count
        Number of fields, at least 1.
    settings
        TransmittedSettings: names and values, a YAML file, or an object. Sizes are in pixels.
    modality
        ``phase``, ``brightfield`` or ``defocused``, or several of them.
    train, val, test
        Shares of the fields in each split, from 0 to 1, 1 together.
    seed
        The same seed and settings give the same files.
    overwrite
        Replace what an earlier run wrote.

    Returns
    -------
    PairedStainSet
        The folder, opened.
    """
    from adaptoscope.simulation.transmitted.settings import TransmittedSettings

    chosen = settings_of(settings, TransmittedSettings)

    from adaptoscope.simulation.transmitted.generate import checked_modalities
    from adaptoscope.simulation.transmitted.write import simulate_pairs as write_simulated

    asked = checked_modalities([modality] if isinstance(modality, str) else list(modality))
    with progress_display("simulate", count, unit="image") as advance:
        return write_simulated(
            Path(out),
            chosen,
            count,
            seed,
            modalities=asked,
            fractions={"train": train, "val": val, "test": test},
            overwrite=overwrite,
            on_image=advance,
        )


def synthesise(
    out: Place,
    *,
    count: int = 100,
    like: Images | None = None,
    held_out: Iterable[Images] | Images | None = None,
    settings: GivenSettings = None,
    seed: int = 0,
    overwrite: bool = False,
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
) -> CountedImageSet:
    """Draw cells whose number is known (Syn-HC, Algorithm 1 of the InST-Microscopy paper).

    Parameters
    ----------
    out
        Folder to write; an interrupted run goes on with the same call.
    count
        Number of images, at least 1.
    like
        Real images whose cell size, density and grey levels are measured and followed.
    held_out
        Sets whose validation and test images are refused in `like`.
    settings
        SynthesisSettings: names and values, a YAML file, or an object. Sizes are in pixels.
    seed
        The same seed, settings and real images give the same files.
    overwrite
        Replace what an earlier run wrote.
    root, channel, z
        How real images are found and read.

    Returns
    -------
    CountedImageSet
        The folder, opened.

    Raises
    ------
    LeakageError
        If an image of `like` is one of those kept back.
    """
    from adaptoscope.synthesis.settings import SynthesisSettings

    chosen = settings_of(settings, SynthesisSettings)
    real = None if like is None else open_images(like, root=root, channel=channel, z=z)
    others = [open_images(each, root=root, channel=channel, z=z) for each in each_of(held_out)]

    from adaptoscope.synthesis.write import synthesise as write_drawings

    with progress_display("synthesise", count, unit="image") as advance:
        return write_drawings(
            Path(out),
            chosen,
            count=count,
            seed=seed,
            like=real,
            held_out=others,
            overwrite=overwrite,
            on_image=advance,
        )


def _two_microscopes() -> SettingsError:
    return SettingsError(
        "--like and --randomise contradict each other.",
        expected="a microscope that follows real images, or another one for every field",
        found="both; what is measured would be drawn anew",
        remedy="leave one of them out",
    )
