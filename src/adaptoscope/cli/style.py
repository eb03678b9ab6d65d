"""Commands of stage 2 around a look: learn it, compare it with simpler ways, measure it."""

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
    open_sets,
    plane,
)
from adaptoscope.cli.options import print_answer as answer
from adaptoscope.errors import SettingsError

app = typer.Typer(help="Learn the look of real images.", no_args_is_help=True)

Backbone = Annotated[
    str,
    typer.Option(
        "--backbone",
        help="compact, a folder written by train-backbone, or a YAML file of "
        "StableDiffusionSettings.",
    ),
]


@app.command("train-backbone")
def train_backbone(
    out: Annotated[Path, typer.Argument(help="Run folder; the backbone goes to OUT/backbone.")],
    images: Annotated[
        list[Path], typer.Option("--images", help="A set to learn from; may be given again.")
    ],
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            help="YAML file of BackboneTrainingSettings; what it leaves out takes about three "
            "hours on two processor cores, or half an hour with --from.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Backbone to go on from: compact, or a folder; fewer steps at a lower rate.",
        ),
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
    from adaptoscope.style_transfer.settings import backbone_training
    from adaptoscope.training.settings import read_settings

    given = read_settings(settings) if settings else {}
    chosen = backbone_training(given, fine_tune=start is not None, origin=str(settings or ""))
    chosen = chosen if seed is None else chosen.changed(seed=seed)
    sets = open_sets(images, root, channel, z)

    from adaptoscope.pretrained.bundled import locate_backbone
    from adaptoscope.style_transfer.backbones.compact.train_backbone import train_backbone as train

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
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Also train the tokens, so many steps.")
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option("--tokens", help="YAML file of TokenSettings; trains them too.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option("--classes", help="Tokens for each density class: by count, cells_per_mpx."),
    ] = None,
    class_rule: Annotated[
        Path | None,
        typer.Option(
            "--class-rule", help="YAML file of DensityRule: limits, source, images of a class."
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            help="YAML file of StylisationSettings, as for stylise: how images are shown.",
        ),
    ] = None,
    backbone: Backbone = "compact",
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Use at most this many images; not with classes."),
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
) -> None:
    """Read the style off real images, without their labels; train its tokens if asked to.

    Training keeps its runs in a folder beside OUT and goes on there when interrupted.
    """
    from adaptoscope.pipeline.styles import learn_style

    style = learn_style(
        out,
        images,
        held_out=held_out,
        steps=steps,
        tokens=tokens,
        classes=classes,
        class_rule=class_rule,
        settings=settings,
        backbone=backbone,
        limit=limit,
        seed=seed,
        device=device,
        overwrite=overwrite,
        root=root,
        channel=channel,
        z=plane(z),
    )
    typer.echo(f"{out}: the style of {len(style.facts.images)} images")


@app.command("import-tokens")
def import_tokens(
    source: Annotated[Path, typer.Argument(help="Embedding file (.pt) of the published code.")],
    out: Annotated[Path, typer.Argument(help="Style encoder to write, ending in .safetensors.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another file; never SOURCE.")
    ] = False,
) -> None:
    """Convert a published embedding file; nothing in it is executed.

    Name the result as `encoder` in the settings of Stable Diffusion.
    """
    from adaptoscope.style_transfer.style_tokens.published_tokens import import_published_tokens

    facts = import_published_tokens(source, out, overwrite=overwrite)
    typer.echo(f"{out}: style encoder for the placeholder {facts.placeholder!r}")


@app.command("match")
def match(
    drawings: Annotated[Path, typer.Argument(help="Folder of drawings, as synthesise writes it.")],
    out: Annotated[Path, typer.Argument(help="Folder for the changed drawings.")],
    images: Annotated[
        Path, typer.Option("--images", help="Real images; of a set with splits, only train.")
    ],
    method: Annotated[
        str, typer.Option("--method", help="percentiles, histogram, or blur_noise.")
    ] = "histogram",
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            "--held-out", help="A set whose val and test images are refused; may be given again."
        ),
    ] = None,
    seed: Seed = 0,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
) -> None:
    """Make drawings like real images by a simple rule, without learning: the control."""
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.style_transfer.controls import known_method, stylise_by_control

    real, *others = open_sets([images, *(held_out or ())], root, channel, z)
    made = stylise_by_control(
        out,
        open_counted_images(drawings),
        real.training_part(),
        known_method(method),
        seed,
        held_out=[real, *others],
        workers=workers,
        overwrite=overwrite,
    )
    typer.echo(f"{out}: {len(made)} drawings matched by {method}")


@app.command("realism")
def realism(
    real: Annotated[Path, typer.Argument(help="Real images to compare with.")],
    made: Annotated[list[Path], typer.Argument(help="Sets of made images, one or more.")],
    split: Annotated[
        str | None, typer.Option("--split", help="Compare with this split of the real images.")
    ] = None,
    style_images: Annotated[
        Path | None,
        typer.Option("--style-images", help="Look for copies of these images' training part."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of RealismSettings.")
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder",
            help="nuclei, imagenet, a weight file, or inception:FILE with torchvision's weights.",
        ),
    ] = "nuclei",
    device: Device = "auto",
    as_json: AsJson = False,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
) -> None:
    """Measure how near made images come to real ones, with real against real as the floor.

    Rejected images of a set are left out. Sets are named by their folders.
    """
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.realism.settings import RealismSettings
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, RealismSettings) if settings else None
    opened = open_counted_images(real, root=root, channel=channel, z=plane(z))
    originals = None
    if style_images is not None:
        found = open_counted_images(style_images, root=root, channel=channel, z=plane(z))
        originals = found.training_part()
    sets = {folder.name: open_counted_images(folder) for folder in _differently_named(made)}

    from adaptoscope.realism.measure_realism import measure_realism

    report = measure_realism(
        opened.split(split) if split else opened,
        sets,
        chosen,
        style_images=originals,
        encoder=encoder,
        device=device,
    )
    if as_json:
        answer(report.as_dict(), as_json=True)
    else:
        typer.echo(report.markdown())


def _differently_named(folders: list[Path]) -> list[Path]:
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        raise SettingsError(
            "Two of the sets have one name.",
            expected="folders with different names",
            found=", ".join(names),
            remedy="rename one of them",
        )
    return folders
