"""Command that imports a data set's own layout."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from adaptoscope.cli.options import Channel, Overwrite, Root, Z, plane

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
    from adaptoscope.pipeline.convert_set import convert as convert_set

    converted = convert_set(
        source,
        destination,
        layout=layout,
        stain=stain,
        swap_axes=swap_axes,
        per_class=per_class,
        root=root,
        channel=channel,
        z=plane(z),
        seed=seed,
        overwrite=overwrite,
    )
    how = converted.layout if layout else f"{converted.layout}, found by itself"
    typer.echo(f"{destination}: {len(converted.images)} images ({how}), {converted.summary}")
    for line in converted.left_out:
        typer.echo(line)
