"""Commands for the whole counting job: on your images, or on invented ones."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import AsJson, Device, Overwrite, Workers, print_answer

Out = Annotated[Path | None, typer.Option("--out", help="Run folder; by default runs/NAME.")]


def run(
    experiment: Annotated[Path, typer.Argument(help="YAML file with the experiment's settings.")],
    out: Out = None,
    device: Device = "auto",
    workers: Workers = 2,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Run an experiment from images to report; its settings say of which kind.

    What an earlier call with the same settings finished is kept; an interrupted run goes on with
    the same command.
    """
    from adaptoscope.pipeline.run import run as run_experiment

    report = run_experiment(experiment, out, device=device, workers=workers, overwrite=overwrite)
    _answer(report, as_json=as_json)


def demo(
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Run folder; by default runs/demo, or runs/demo_quick."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A smaller run, to check an installation.")
    ] = False,
    device: Device = "auto",
    workers: Workers = 2,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole job offline, with an invented microscope in the place of yours."""
    from adaptoscope.pipeline.demo import demo as run_demo

    report = run_demo(out, quick=quick, device=device, workers=workers, overwrite=overwrite)
    _answer(report, as_json=as_json)


def _answer(report: Path, *, as_json: bool) -> None:
    from adaptoscope.pipeline.report import read_results

    results = read_results(report.parent)
    if as_json:
        print_answer({"report": str(report), **results}, as_json=True)
        return
    typer.echo((report.parent / "results.md").read_text("utf-8"))
    typer.echo(f"Report: {report}")
