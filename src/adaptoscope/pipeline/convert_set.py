"""Front door of the importers: turn a data set in its own layout into a counted-image folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.pipeline.front_door import Place, Plane, path_of

if TYPE_CHECKING:
    from adaptoscope.datasets.counted_images import CountedImageSet

Layout = Literal["idcia", "folder", "cell200"]


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
    layout: Layout
    summary: str
    left_out: list[str]


def convert(
    source: Place,
    destination: Place,
    *,
    layout: Layout | None = None,
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

    chosen = layout or find_layout(given, stain)
    of_folder = {"swap_axes": swap_axes or None, "root": root, "z": z}
    of_cell200 = {"per_class": per_class, "seed": seed}
    how: dict[str, Any]
    if chosen == "folder":
        _refuse_unused(chosen, stain=stain, **of_cell200)
        how = {"swap_axes": swap_axes, "root": path_of(root), "image_channel": channel, "z": z}
    elif chosen == "cell200":
        _refuse_unused(chosen, stain=stain, channel=channel, **of_folder)
        how = {"seed": seed, "per_class": per_class}
    else:
        _refuse_unused(chosen, **of_folder, **of_cell200)
        how = {"channel": stain, "image_channel": channel}
    imported = _import(chosen, given, Path(destination), overwrite=overwrite, **how)
    left_out = describe_left_out(given, chosen, root=path_of(root), stain=stain or "DAPI")
    return ConvertedSet(imported, chosen, describe_import(imported), left_out)


def _import(layout: Layout, source: Path, out: Path, **how: Any) -> CountedImageSet:
    from adaptoscope.training.progress import progress_display

    read: Callable[..., CountedImageSet]
    if layout == "cell200":
        # Its library belongs to an extra, which the other layouts do without.
        from adaptoscope.datasets.cell200 import import_cell200 as read
    elif layout == "folder":
        from adaptoscope.datasets.importers import import_folder as read
    else:
        from adaptoscope.datasets.importers import import_idcia_release as read
    given = {name: value for name, value in how.items() if value is not None}
    with progress_display("convert", None, unit="image") as advance:
        return read(source, out, **given, on_image=advance)


def _refuse_unused(layout: str, **options: object) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise SettingsError(
            f"The layout {layout} has no use for {', '.join(given)}.",
            expected="options of that layout",
            found=", ".join(given),
            remedy="leave these options out, or choose another --layout",
        )
