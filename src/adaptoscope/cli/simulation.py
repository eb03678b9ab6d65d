"""Command of stage 0: invent images with their truth."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import Overwrite, Seed


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Number of fields.")] = 100,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of SimulationSettings.")
    ] = None,
    randomise: Annotated[
        bool, typer.Option("--randomise", help="Another specimen and microscope for every field.")
    ] = False,
    train: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the fields.")] = 1.0,
    val: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the fields.")] = 0.0,
    test: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the fields.")] = 0.0,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Invent stained nuclei under a wide-field microscope; points and masks are exact."""
    from adaptoscope.simulation.settings import SimulationSettings
    from adaptoscope.simulation.write import simulate as simulate_folder
    from adaptoscope.training.progress import progress_display
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, SimulationSettings) if settings else SimulationSettings()
    with progress_display("simulate", count) as advance:
        written = simulate_folder(
            out,
            chosen,
            count=count,
            seed=seed,
            fractions={"train": train, "val": val, "test": test},
            randomise=randomise,
            overwrite=overwrite,
            on_image=advance,
        )
    typer.echo(f"{out}: {len(written)} simulated images")
