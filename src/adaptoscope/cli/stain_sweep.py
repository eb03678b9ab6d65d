"""Command of stages 4 and 5 that compares layers, step sizes, seeds and shifts."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import Device, Overwrite, Workers


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
