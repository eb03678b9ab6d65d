"""Command that imports a data set's own layout."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from adaptoscope.cli.options import Channel, Overwrite, Root, Z, plane
from adaptoscope.errors import SettingsError

Layout = Literal["idcia", "folder", "cell200"]


def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The data set as it is.")],
    destination: Annotated[Path, typer.Argument(metavar="DST", help="Counted-image folder.")],
    layout: Annotated[
        Layout | None,
        typer.Option(
            "--layout",
            help="idcia: IDCIA's release; folder: images, with points.csv if any; cell200: its "
            "HDF5 file. By default told by what is there.",
        ),
    ] = None,
    stain: Annotated[
        str | None,
        typer.Option("--stain", help="Stain of IDCIA to import, as in file names (DAPI)."),
    ] = None,
    swap_axes: Annotated[
        bool, typer.Option("--swap-axes", help="Exchange x and y of the points of a folder.")
    ] = False,
    per_class: Annotated[
        int | None,
        typer.Option(
            "--per-class", min=5, help="Images of each of cell200's four classes of counts (250)."
        ),
    ] = None,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of the draw from cell200 (0).")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn a data set into a counted-image folder; say what was taken and what was left out."""
    from adaptoscope.datasets.cell200 import PER_CLASS, import_cell200
    from adaptoscope.datasets.import_summary import (
        describe_import,
        describe_left_out,
        find_layout,
    )
    from adaptoscope.datasets.importers import import_folder, import_idcia_release
    from adaptoscope.training.progress import progress_display

    chosen = layout or find_layout(source, stain)
    of_folder = {"swap_axes": swap_axes or None, "root": root, "z": z}
    of_cell200 = {"per_class": per_class, "seed": seed}
    if chosen == "folder":
        _refuse_unused(chosen, stain=stain, **of_cell200)
    elif chosen == "cell200":
        _refuse_unused(chosen, stain=stain, channel=channel, **of_folder)
    else:
        _refuse_unused(chosen, **of_folder, **of_cell200)
    with progress_display("convert", None, unit="image") as advance:
        if chosen == "folder":
            imported = import_folder(
                source,
                destination,
                swap_axes=swap_axes,
                root=root,
                image_channel=channel,
                z=plane(z),
                overwrite=overwrite,
                on_image=advance,
            )
        elif chosen == "cell200":
            imported = import_cell200(
                source,
                destination,
                seed=seed or 0,
                per_class=per_class or PER_CLASS,
                overwrite=overwrite,
                on_image=advance,
            )
        else:
            imported = import_idcia_release(
                source,
                destination,
                stain or "DAPI",
                image_channel=channel,
                overwrite=overwrite,
                on_image=advance,
            )
    how = chosen if layout else f"{chosen}, found by itself"
    typer.echo(f"{destination}: {len(imported)} images ({how}), {describe_import(imported)}")
    for line in describe_left_out(source, chosen, root=root, stain=stain or "DAPI"):
        typer.echo(line)


def _refuse_unused(layout: str, **options: object) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise SettingsError(
            f"The layout {layout} has no use for {', '.join(given)}.",
            expected="options of that layout",
            found=", ".join(given),
            remedy="leave these options out, or choose another --layout",
        )
