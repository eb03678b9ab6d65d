"""Commands of stage 2: learn a look, give it to drawings, screen the result."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import Device, Overwrite, Root, Seed

app = typer.Typer(help="Learn the look of real images.", no_args_is_help=True)


@app.command("train-backbone")
def train_backbone(
    out: Annotated[
        Path, typer.Argument(help="Run folder; the backbone is written to OUT/backbone.")
    ],
    images: Annotated[
        list[Path], typer.Option("--images", help="A set to learn from; may be given again.")
    ],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of BackboneTrainingSettings.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
    root: Root = None,
) -> None:
    """Train the compact backbone on unlabelled images; masks are used where there are any.

    Only the training split of a set is read. An interrupted run goes on with the same command.
    """
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.style_transfer.settings import BackboneTrainingSettings
    from adaptoscope.style_transfer.train_backbone import train_backbone as train
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, BackboneTrainingSettings) if settings else None
    chosen = (chosen or BackboneTrainingSettings()).changed(seed=seed)
    sets = [open_counted_images(folder, root=root) for folder in images]
    typer.echo(train(out, sets, chosen, device=device, overwrite=overwrite))
