"""Command that imports a data set's own layout."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from adaptoscope.cli.options import Channel, Overwrite


def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The data set as released.")],
    destination: Annotated[Path, typer.Argument(metavar="DST", help="Counted-image folder.")],
    layout: Annotated[
        Literal["idcia"], typer.Option("--layout", help="Whose layout the source has.")
    ] = "idcia",
    stain: Annotated[str, typer.Option("--stain", help="Stain to import, as in file names.")] = (
        "DAPI"
    ),
    channel: Channel = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn a released data set into a counted-image folder."""
    from adaptoscope.datasets.importers import import_idcia_release
    from adaptoscope.training.progress import progress_display

    with progress_display("convert", None) as advance:
        imported = import_idcia_release(
            source,
            destination,
            stain,
            image_channel=channel,
            overwrite=overwrite,
            on_image=advance,
        )
    typer.echo(f"{destination}: {len(imported)} images ({layout})")
