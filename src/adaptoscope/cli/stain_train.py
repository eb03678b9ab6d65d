"""The command of stage 4 that learns from pairs."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import Device, OptionalSeed, Overwrite, Root

Modality = Annotated[
    str | None, typer.Option("--modality", help="Only the pairs of this modality.")
]


def train(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    pairs: Annotated[
        Path, typer.Option("--pairs", help="Folder of image pairs, as pairs.csv lists them.")
    ],
    modality: Modality = None,
    stain: Annotated[
        list[str] | None,
        typer.Option("--stain", help="A stain to predict; may be given again. All by default."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of TranslationSettings.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Training steps.")] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a network to predict stains from light microscopy, on the split train of pairs."""
    from adaptoscope.pipeline.stains import train_stain

    trained = train_stain(
        out,
        pairs,
        modality=modality,
        stain=stain,
        settings=settings,
        steps=steps,
        seed=seed,
        device=device,
        root=root,
        overwrite=overwrite,
    )
    typer.echo(trained.folder)
    typer.echo(trained.summary, err=True)
