"""Commands of stage 2: learn a look, give it to drawings, screen the result."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import (
    AsJson,
    Channel,
    Device,
    OptionalSeed,
    Overwrite,
    Root,
    Seed,
    Workers,
    Z,
    plane,
)
from adaptoscope.cli.options import print_answer as answer

app = typer.Typer(help="Learn the look of real images.", no_args_is_help=True)

Backbone = Annotated[
    str, typer.Option("--backbone", help="compact, or a folder written by train-backbone.")
]


@app.command("train-backbone")
def train_backbone(
    out: Annotated[Path, typer.Argument(help="Run folder; the backbone goes to OUT/backbone.")],
    images: Annotated[
        list[Path], typer.Option("--images", help="A set to learn from; may be given again.")
    ],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of BackboneTrainingSettings.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Backbone to go on from: compact, or a folder."),
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
) -> None:
    """Train the compact backbone on unlabelled images; masks are used where there are any.

    Only the training split of a set is read. An interrupted run goes on with the same command.
    """
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.pretrained.bundled import locate_backbone
    from adaptoscope.style_transfer.settings import BackboneTrainingSettings
    from adaptoscope.style_transfer.train_backbone import train_backbone as train
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, BackboneTrainingSettings) if settings else None
    chosen = chosen or BackboneTrainingSettings()
    chosen = chosen if seed is None else chosen.changed(seed=seed)
    sets = [
        open_counted_images(folder, root=root, channel=channel, z=plane(z)) for folder in images
    ]
    typer.echo(
        train(
            out,
            sets,
            chosen,
            start=locate_backbone(start) if start else None,
            device=device,
            overwrite=overwrite,
        )
    )


@app.command("learn")
def learn(
    out: Annotated[Path, typer.Argument(help="Style file to write, ending in .safetensors.")],
    images: Annotated[
        Path, typer.Option("--images", help="Real images; of a set with splits, only train.")
    ],
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            "--held-out", help="A set whose val and test images are refused; may be given again."
        ),
    ] = None,
    backbone: Backbone = "compact",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Use at most this many images.")
    ] = None,
    seed: Seed = 0,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
) -> None:
    """Read the style off real images, without training and without their labels."""
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.pretrained.bundled import hash_of_weights, locate_backbone
    from adaptoscope.style_transfer.compact import CompactBackbone
    from adaptoscope.style_transfer.learn_style import learn_style

    real, *others = (
        open_counted_images(folder, root=root, channel=channel, z=plane(z))
        for folder in (images, *(held_out or ()))
    )
    folder = locate_backbone(backbone)
    style = learn_style(
        out,
        real.training_part(),
        CompactBackbone.load(folder),
        hash_of_weights(folder),
        held_out=[real, *others],
        limit=limit,
        seed=seed,
    )
    typer.echo(f"{out}: the style of {len(style.facts.images)} images")


def stylise(
    drawings: Annotated[Path, typer.Argument(help="Folder of drawings, as synthesise writes it.")],
    out: Annotated[Path, typer.Argument(help="Folder for the stylised images.")],
    style: Annotated[Path, typer.Option("--style", help="Style file from `style learn`.")],
    strength: Annotated[
        float, typer.Option("--strength", min=0.0, max=1.0, help="0 drawing, 1 all style.")
    ] = 0.7,
    steps: Annotated[int, typer.Option("--steps", min=1, help="DDIM steps.")] = 50,
    guidance: Annotated[
        float, typer.Option("--guidance", min=0.0, help="Other than 1: twice the time.")
    ] = 1.0,
    inversion: Annotated[
        str, typer.Option("--inversion", help="stochastic, sdedit, ddim, or none (AdaIN alone).")
    ] = "stochastic",
    sampler: Annotated[
        str, typer.Option("--sampler", help="ddim, or dpm_solver with --steps 20.")
    ] = "ddim",
    adain: Annotated[
        str, typer.Option("--adain", help="Statistics taken over: regions, whole, or none.")
    ] = "regions",
    guard: Annotated[
        float,
        typer.Option(
            "--guard", min=0.0, max=1.0, help="Share of the way that holds coarse structure."
        ),
    ] = 0.0,
    layout: Annotated[
        bool, typer.Option("--layout/--no-layout", help="Condition on the drawing's mask.")
    ] = True,
    best_of: Annotated[
        int, typer.Option("--best-of", min=1, help="Attempts; the one that keeps cells best.")
    ] = 1,
    backbone: Backbone = "compact",
    seed: Seed = 0,
    workers: Workers = 1,
    overwrite: Overwrite = False,
) -> None:
    """Give drawings the look of real images; points, counts and masks are carried over."""
    from adaptoscope.style_transfer.settings import StylisationSettings
    from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
    from adaptoscope.training.settings import settings_from

    chosen = settings_from(
        {
            "strength": strength,
            "steps": steps,
            "guidance": guidance,
            "inversion": inversion,
            "sampler": sampler,
            "adain": adain,
            "guard": guard,
            "best_of": best_of,
            "use_layout": layout,
            "seed": seed,
        },
        StylisationSettings,
    )
    job = StylisationJob(out, drawings, style, backbone, chosen)
    stylised = stylise_set(job, workers=workers, overwrite=overwrite)
    typer.echo(f"{out}: {len(stylised)} stylised images")


def screen(
    images: Annotated[Path, typer.Argument(metavar="SET", help="Folder of stylised images.")],
    drawings: Annotated[Path, typer.Option("--drawings", help="The drawings they were made from.")],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of ScreeningSettings.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the drawn cells again in stylised images and mark what is kept in metadata.csv."""
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.style_transfer.screening import screen_set
    from adaptoscope.style_transfer.settings import ScreeningSettings
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, ScreeningSettings) if settings else ScreeningSettings()
    summary = screen_set(
        open_counted_images(images, include_rejected=True), open_counted_images(drawings), chosen
    )
    found = {
        "n": summary.n,
        "kept": summary.kept,
        "yield": summary.kept_share,
        "precision": summary.precision,
        "recall": summary.recall,
        "f1": summary.f1,
        "rejects": summary.rejects,
        "f1_kept": summary.f1_kept,
        "f1_drawings": summary.f1_drawings,
    }
    answer(found, as_json=as_json, title=f"Screening of {images}")
