"""Commands of stage 5: adapt a network to another microscope's images, in one way or many."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import (
    Channel,
    Device,
    OptionalSeed,
    Overwrite,
    Root,
    Workers,
    Z,
    plane,
)


def adapt(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    model: Annotated[Path, typer.Option("--model", help="Model folder of `stain train`.")],
    target: Annotated[
        Path,
        typer.Option(
            "--target", help="Images of the other microscope; only oracle looks at their stains."
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Option(
            "--source",
            help="Images of the microscope that it learnt from, with their stains if there are "
            "any; for adversarial, coral, mmd, histogram and restyled.",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="auto chooses, see --layer. Or adversarial, coral, mmd, restyled; or to compare "
            "with: none, own_range, per_image, histogram, adabn, oracle.",
        ),
    ] = "auto",
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            help="auto (if not given): restyled pairs, where no --method is named, and layers if "
            "the look of the target is not clear, with two seeds each; one way is chosen without "
            "labels. Or 1 to 16; several as 2,5. For adversarial, coral and mmd.",
            metavar="L",
        ),
    ] = None,
    modality: Annotated[
        str | None, typer.Option("--modality", help="Only source pairs of this modality.")
    ] = None,
    target_modality: Annotated[
        str | None, typer.Option("--target-modality", help="Only target pairs of this modality.")
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            help="YAML file of AdaptationSettings, BaselineSettings, AdaBNSettings, "
            "RestyledSettings or OracleSettings, as the method needs; or of AutoSettings.",
        ),
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Adapt a network to another microscope without its stains.

    Its first layers are learnt anew (adversarial, coral, mmd), or all of it from source pairs in
    the look of the target (restyled). Other methods are there to compare with: none changes
    nothing; own_range, per_image and histogram change intensities; adabn measures statistics anew;
    oracle learns from target stains.
    """
    from adaptoscope.pipeline.adapt_stain import adapt_stain

    adapted = adapt_stain(
        model,
        source,
        target,
        out,
        method=method,
        layer=layer,
        settings=settings,
        modality=modality,
        target_modality=target_modality,
        seed=seed,
        device=device,
        root=root,
        channel=channel,
        z=plane(z),
        overwrite=overwrite,
    )
    typer.echo(adapted.folder)
    if adapted.summary:
        typer.echo(adapted.summary, err=True)


def sweep(
    out: Annotated[Path, typer.Argument(help="Run folder.")],
    settings: Annotated[
        Path,
        typer.Option(
            "--settings", help="YAML file of a stain_study, as in experiments/layer_matching/."
        ),
    ],
    device: Device = "auto",
    workers: Workers = 1,
    overwrite: Overwrite = False,
) -> None:
    """Adapt one network in many ways: layers, step sizes, seeds, shifts; curves and a report."""
    from adaptoscope.pipeline.adapt_stain import sweep_stain

    report = sweep_stain(out, settings, device=device, workers=workers, overwrite=overwrite)
    typer.echo(f"Report: {report}")
