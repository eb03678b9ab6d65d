"""Command of the domain-gap check: how two sets of images differ."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import (
    AsJson,
    Channel,
    Device,
    OptionalSeed,
    Root,
    Z,
    plane,
    print_answer,
    refuse_folder,
)
from adaptoscope.errors import printable


def compare(
    set_a: Annotated[Path, typer.Argument(metavar="SET_A", help="Images that a counter knows.")],
    set_b: Annotated[Path, typer.Argument(metavar="SET_B", help="Images that it is to count.")],
    images: Annotated[
        int | None,
        typer.Option("--images", min=1, help="Images of each set to measure at most; 30."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of ComparisonSettings.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML file with tables, tiles and histograms.")
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    as_json: AsJson = False,
) -> None:
    """Say how two sets of images differ and what to do about it; labels are not needed."""
    from adaptoscope.pipeline.compare_sets import compare as compare_sets

    refuse_folder("--report", report)
    found = compare_sets(
        set_a,
        set_b,
        images=images,
        settings=settings,
        report=report,
        seed=seed,
        device=device,
        root=root,
        channel=channel,
        z=plane(z),
    )
    if as_json:
        print_answer(found.as_dict(), as_json=True)
    else:
        from adaptoscope.pipeline.comparison_report import comparison_text

        typer.echo(printable(comparison_text(found)))
