"""Front door of the importers: turn a data set in its own layout into a counted-image folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.pipeline.front_door import Place, Plane, path_of

if TYPE_CHECKING:
    from adaptoscope.datasets.counted_images import CountedImageSet
    from adaptoscope.datasets.importers import SetLayout


@dataclass(frozen=True, eq=False)
class ConvertedSet:
    """What was imported, and what was not.

    Parameters
    ----------
    images
        The new counted-image folder, opened.
    layout
        Layout of the data set.
    summary
        How many images, and what is known of their cells.
    left_out
        Which files were not taken and why, in sentences.
    """

    images: CountedImageSet
    layout: SetLayout
    summary: str
    left_out: list[str]


def convert(
    source: Place,
    destination: Place,
    *,
    layout: SetLayout | None = None,
    stain: str | None = None,
    swap_axes: bool = False,
    per_class: int | None = None,
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
    seed: int | None = None,
    overwrite: bool = False,
) -> ConvertedSet:
    """Turn a data set into a counted-image folder; say what was taken and what was left out.

    Parameters
    ----------
    source
        The data set as it is.
    destination
        Folder to write.
    layout
        ``idcia``: IDCIA's release; ``folder``: images, with ``points.csv`` if any; ``cell200``:
        its HDF5 file. None: told by what is there.
    stain
        Stain of IDCIA to import, as in its file names; DAPI.
    swap_axes
        Exchange x and y of the points of a folder.
    per_class
        Images of each of cell200's four classes of counts, at least 5; 250.
    root, channel, z
        How the images are found and read.
    seed
        Of the draw from cell200, 0.
    overwrite
        Replace what an earlier import wrote.

    Raises
    ------
    SettingsError
        If an option means nothing to that layout.
    InputError
        If the data set cannot be read, or its points do not lie on its cells.
    """
    given = Path(source)
    if not given.exists():
        raise InputError(
            f"There is no folder {given}.",
            expected="a data set: a folder, or the HDF5 file of cell200",
            found="nothing",
            remedy="check the path",
        )
    from adaptoscope.datasets.import_summary import (
        describe_import,
        describe_left_out,
        find_layout,
    )
    from adaptoscope.datasets.importers import IMPORTERS
    from adaptoscope.training.progress import progress_display

    chosen = layout or find_layout(given, stain)
    importer = IMPORTERS[chosen]
    options: dict[str, Any] = {"stain": stain, "swap_axes": swap_axes or None, "z": z}
    options |= {"root": path_of(root), "channel": channel, "per_class": per_class, "seed": seed}
    known = {name: value for name, value in options.items() if value is not None}
    _refuse_unused(chosen, [name for name in known if name not in importer.options])
    how = {importer.options[name]: value for name, value in known.items()}
    with progress_display("convert", None, unit="image") as advance:
        imported = importer.read(
            given, Path(destination), overwrite=overwrite, on_image=advance, **how
        )
    left_out = describe_left_out(given, chosen, root=path_of(root), stain=stain or "DAPI")
    return ConvertedSet(imported, chosen, describe_import(imported), left_out)


def _refuse_unused(layout: str, options: Sequence[str]) -> None:
    given = [f"--{name.replace('_', '-')}" for name in options]
    if given:
        raise SettingsError(
            f"The layout {layout} has no use for {', '.join(given)}.",
            expected="options of that layout",
            found=", ".join(given),
            remedy="leave these options out, or choose another --layout",
        )
