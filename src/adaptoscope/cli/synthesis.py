"""Command of stage 1: draw cells of known number."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import Channel, Overwrite, Root, Seed, Z, plane


def synthesise(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Number of images.")] = 100,
    like: Annotated[
        Path | None,
        typer.Option("--like", help="Real images to measure size, density and grey levels on."),
    ] = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            "--held-out", help="A set whose val and test images are refused; may be given again."
        ),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of SynthesisSettings.")
    ] = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
) -> None:
    """Draw cells whose number is known (Syn-HC, Algorithm 1 of the InST-Microscopy paper)."""
    from adaptoscope.pipeline.drawings import synthesise as draw

    written = draw(
        out,
        count=count,
        like=like,
        held_out=held_out,
        settings=settings,
        seed=seed,
        overwrite=overwrite,
        root=root,
        channel=channel,
        z=plane(z),
    )
    typer.echo(f"{out}: {len(written)} drawings, {int(written.counts().sum())} cells")
