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
        Path | None,
        typer.Option(
            "--settings", help="YAML file of SimulationSettings (--pairs: TransmittedSettings)."
        ),
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="Cells in transmitted light, with two fluorescence stains."),
    ] = False,
    modality: Annotated[
        list[str] | None,
        typer.Option(
            "--modality",
            help="phase (if not given), brightfield or defocused; may be given again.",
        ),
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
        int | None,
        typer.Option(
            "--cultures", min=1, help="Cultures, each with a brightness of its own; 4 if not given."
        ),
    ] = None,
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
    """Invent stained cells under a microscope; points and masks are exact."""
    from adaptoscope.pipeline import drawings

    shares = {"train": train, "val": val, "test": test}
    readers = {"--held-out": held_out, "--root": root, "--channel": channel, "--z": z}
    reading = [name for name, given in readers.items() if given is not None]
    if pairs:
        others = {"--like": like, "--cultures": cultures, "--randomise": randomise or None}
        counted = [name for name, given in others.items() if given is not None]
        _refuse_with_pairs(counted + reading)
        paired = drawings.simulate_pairs(
            out,
            count=count,
            settings=settings,
            modality=modality or "phase",
            **shares,
            seed=seed,
            overwrite=overwrite,
        )
        typer.echo(f"{out}: {len(paired)} simulated image pairs of {count} fields")
        return
    _refuse_without_pairs(modality)
    _refuse_without_effect(like, reading)
    written = drawings.simulate(
        out,
        count=count,
        settings=settings,
        like=like,
        held_out=held_out,
        cultures=4 if cultures is None else cultures,
        randomise=randomise,
        **shares,
        seed=seed,
        overwrite=overwrite,
        root=root,
        channel=channel,
        z=plane(z),
    )
    typer.echo(f"{out}: {len(written)} simulated images")


def _refuse_with_pairs(given: list[str]) -> None:
    if given:
        verb = "speaks" if len(given) == 1 else "speak"
        raise SettingsError(
            f"{' and '.join(given)} {verb} of another simulation than --pairs.",
            expected="--pairs with --modality, --settings, shares of the splits and a seed",
            found=" and ".join(["--pairs", *given]),
            remedy="leave --pairs out, or the others",
        )


def _refuse_without_pairs(modality: list[str] | None) -> None:
    if modality is not None:
        raise SettingsError(
            "--modality makes no difference here.",
            expected="--pairs beside it: cells in transmitted light",
            found="a simulation of one stain alone",
            remedy="leave it out, or add --pairs",
        )


def _refuse_without_effect(like: Path | None, given: list[str]) -> None:
    if like is None and given:
        verb = "makes" if len(given) == 1 else "make"
        raise SettingsError(
            f"{' and '.join(given)} {verb} no difference here.",
            expected="--like beside it: real images that are read",
            found="a simulation that reads no image",
            remedy="leave it out, or name real images with --like",
        )
