"""Command of stage 0: invent images with their truth."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import Channel, Overwrite, Root, Seed, Z, plane
from adaptoscope.errors import SettingsError


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Number of fields.")] = 100,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of SimulationSettings.")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option("--like", help="Real images whose sizes, light and noise are followed."),
    ] = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            "--held-out", help="A set whose val and test images are refused; may be given again."
        ),
    ] = None,
    cultures: Annotated[
        int, typer.Option("--cultures", min=1, help="Cultures, each with a brightness of its own.")
    ] = 4,
    randomise: Annotated[
        bool, typer.Option("--randomise", help="Another specimen and microscope for every field.")
    ] = False,
    train: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the fields.")] = 1.0,
    val: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the fields.")] = 0.0,
    test: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the fields.")] = 0.0,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
) -> None:
    """Invent stained nuclei under a wide-field microscope; points and masks are exact."""
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.simulation.likeness import measure_real_fields, simulation_like
    from adaptoscope.simulation.settings import SimulationSettings
    from adaptoscope.simulation.write import simulate as simulate_folder
    from adaptoscope.training.progress import progress_display
    from adaptoscope.training.settings import load_settings

    readers = {"--held-out": held_out, "--root": root, "--channel": channel, "--z": z}
    _refuse_without_effect(like, [name for name, given in readers.items() if given is not None])
    if like is not None and randomise:
        _refuse_two_microscopes()
    chosen = load_settings(settings, SimulationSettings) if settings else SimulationSettings()
    if like is not None:
        real, *others = (
            open_counted_images(folder, root=root, channel=channel, z=plane(z))
            for folder in (like, *(held_out or ()))
        )
        chosen = simulation_like(measure_real_fields(real, held_out=others), chosen)
    with progress_display("simulate", count) as advance:
        written = simulate_folder(
            out,
            chosen,
            count=count,
            seed=seed,
            fractions={"train": train, "val": val, "test": test},
            cultures=cultures,
            randomise=randomise,
            overwrite=overwrite,
            on_image=advance,
        )
    typer.echo(f"{out}: {len(written)} simulated images")


def _refuse_without_effect(like: Path | None, given: list[str]) -> None:
    if like is None and given:
        verb = "makes" if len(given) == 1 else "make"
        raise SettingsError(
            f"{' and '.join(given)} {verb} no difference here.",
            expected="--like beside it: real images that are read",
            found="a simulation that reads no image",
            remedy="leave it out, or name real images with --like",
        )


def _refuse_two_microscopes() -> None:
    raise SettingsError(
        "--like and --randomise contradict each other.",
        expected="a microscope that follows real images, or another one for every field",
        found="both; what is measured would be drawn anew",
        remedy="leave one of them out",
    )
