"""Command of stages 4 and 5 that compares layers, step sizes, seeds and shifts."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import Device, Overwrite, Workers
from adaptoscope.errors import SettingsError


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
    from adaptoscope.pipeline.run import load_experiment, run
    from adaptoscope.pipeline.stain_study.settings import StainStudySettings

    study = load_experiment(settings)
    if not isinstance(study, StainStudySettings):
        raise SettingsError(
            f"The file {settings} describes no sweep.",
            expected="kind: stain_study",
            found=type(study).__name__,
            remedy="compare with a file in experiments/layer_matching/, or use `adaptoscope run`",
        )
    report = run(study, out, device=device, workers=workers, overwrite=overwrite)
    typer.echo(f"Report: {report}")
