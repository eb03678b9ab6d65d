"""Command that imports a data set's own layout."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from adaptoscope.cli.options import Channel, Overwrite, Root, Z, plane
from adaptoscope.errors import SettingsError


def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The data set as it is.")],
    destination: Annotated[Path, typer.Argument(metavar="DST", help="Counted-image folder.")],
    layout: Annotated[
        Literal["idcia", "folder"],
        typer.Option(
            "--layout", help="idcia: IDCIA's release; folder: images, with points.csv if any."
        ),
    ] = "idcia",
    stain: Annotated[
        str | None,
        typer.Option("--stain", help="Stain of IDCIA to import, as in file names (DAPI)."),
    ] = None,
    swap_axes: Annotated[
        bool, typer.Option("--swap-axes", help="Exchange x and y of the points of a folder.")
    ] = False,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn a data set into a counted-image folder."""
    from adaptoscope.datasets.importers import import_folder, import_idcia_release
    from adaptoscope.training.progress import progress_display

    if layout == "folder":
        _refuse_unused(layout, stain=stain)
    else:
        _refuse_unused(layout, swap_axes=swap_axes or None, root=root, z=z)
    with progress_display("convert", None) as advance:
        if layout == "folder":
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
        else:
            imported = import_idcia_release(
                source,
                destination,
                stain or "DAPI",
                image_channel=channel,
                overwrite=overwrite,
                on_image=advance,
            )
    typer.echo(f"{destination}: {len(imported)} images ({layout})")


def _refuse_unused(layout: str, **options: object) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise SettingsError(
            f"The layout {layout} has no use for {', '.join(given)}.",
            expected="options of that layout",
            found=", ".join(given),
            remedy="leave these options out, or choose another --layout",
        )
