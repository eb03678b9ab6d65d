"""Commands of stage 3 that train counters."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import (
    Channel,
    Device,
    OptionalSeed,
    Overwrite,
    Root,
    Z,
    open_sets,
    plane,
)


def train(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    real: Annotated[
        Path,
        typer.Option(
            "--real", help="Counted images to learn from: real; synthetic if none are counted."
        ),
    ],
    synthetic: Annotated[
        Path | None, typer.Option("--synthetic", help="Counted synthetic images to begin with.")
    ] = None,
    unlabelled: Annotated[
        Path | None,
        typer.Option(
            "--unlabelled", help="Real images that the steadiest weights are chosen on; no labels."
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            "--head",
            "--method",
            help="centres (the default), regressor, fcrn_a; fitted only: nuclei, dog, "
            "otsu_watershed, constant.",
        ),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of settings of that head.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--init", help="nuclei, imagenet, imagenet_lite, random, or a .safetensors file."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start", help="Fine-tune in minutes: nuclei, or a model folder of your own."
        ),
    ] = None,
    judge: Annotated[
        bool,
        typer.Option(
            "--judge", help="Say whether it is nearer than --start, on images that were left out."
        ),
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option("--folds", min=2, help="Cross-validate for intervals, then train on all."),
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a counter on the split train of counted images; with --synthetic, on those first."""
    from adaptoscope.pipeline.counter_training import train_counter

    trained = train_counter(
        out,
        real=real,
        synthetic=synthetic,
        unlabelled=unlabelled,
        head=head,
        settings=settings,
        init=init,
        start=start,
        judge=judge,
        folds=folds,
        seed=seed,
        device=device,
        root=root,
        channel=channel,
        z=plane(z),
        overwrite=overwrite,
    )
    typer.echo(trained.folder)
    typer.echo(trained.summary, err=True)


def train_encoder(
    out: Annotated[Path, typer.Argument(help="Run folder; weights go to OUT.")],
    images: Annotated[
        list[Path], typer.Option("--images", help="A counted set; may be given again.")
    ],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of EncoderTrainingSettings.")
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Train an encoder that counters can start from, on the training splits of counted sets."""
    from adaptoscope.counting.pretrain_encoder import EncoderTrainingSettings, pretrain_encoder
    from adaptoscope.training.settings import load_settings

    chosen = (
        load_settings(settings, EncoderTrainingSettings) if settings else EncoderTrainingSettings()
    )
    chosen = chosen if seed is None else chosen.changed(seed=seed)
    sets = open_sets(images, root, channel, z)
    typer.echo(pretrain_encoder(out, sets, chosen, device=device, overwrite=overwrite))


def pretrain(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    images: Annotated[
        list[Path], typer.Option("--images", help="A counted set; may be given again.")
    ],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of CounterTrainingSettings.")
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a counter for many microscopes on the training splits of counted sets."""
    from adaptoscope.counting.pretrain_counter import CounterTrainingSettings, pretrain_counter
    from adaptoscope.training.settings import load_settings

    chosen = (
        load_settings(settings, CounterTrainingSettings) if settings else CounterTrainingSettings()
    )
    chosen = chosen if seed is None else chosen.changed(seed=seed)
    sets = open_sets(images, root, channel, z)
    typer.echo(pretrain_counter(out, sets, chosen, device=device, overwrite=overwrite))
