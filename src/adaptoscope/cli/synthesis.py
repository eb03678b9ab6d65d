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
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.synthesis.settings import SynthesisSettings
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, SynthesisSettings) if settings else SynthesisSettings()
    real, *others = (
        open_counted_images(folder, root=root, channel=channel, z=plane(z)) if folder else None
        for folder in (like, *(held_out or ()))
    )

    from adaptoscope.synthesis.write import synthesise as synthesise_folder
    from adaptoscope.training.progress import progress_display

    with progress_display("synthesise", count, unit="image") as advance:
        written = synthesise_folder(
            out,
            chosen,
            count=count,
            seed=seed,
            like=real,
            held_out=[other for other in others if other],
            overwrite=overwrite,
            on_image=advance,
        )
    typer.echo(f"{out}: {len(written)} drawings, {int(written.counts().sum())} cells")
