"""Commands of stage 2 that make and judge images: give drawings a look, screen the result."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adaptoscope.cli.options import AsJson, Device, OptionalSeed, Overwrite, Workers
from adaptoscope.cli.options import print_answer as answer
from adaptoscope.cli.style import Backbone


def _setting(
    name: str, text: str, default: object, least: float | None = None, most: float | None = None
) -> Any:
    """Return an option that changes a setting; the default is shown only, the settings have it."""
    return typer.Option(f"--{name}", min=least, max=most, help=text, show_default=str(default))


def stylise(
    drawings: Annotated[Path, typer.Argument(help="Folder of drawings, as synthesise writes it.")],
    out: Annotated[Path, typer.Argument(help="Folder for the stylised images.")],
    style: Annotated[Path, typer.Option("--style", help="Style file from `style learn`.")],
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings", help="YAML file of StylisationSettings; options given here win over it."
        ),
    ] = None,
    strength: Annotated[
        float | None,
        _setting("strength", "Share of the noise schedule; 0: AdaIN alone.", 0.7, 0, 1),
    ] = None,
    steps: Annotated[int | None, _setting("steps", "DDIM steps.", 50, 1)] = None,
    guidance: Annotated[
        float | None, _setting("guidance", "Other than 1: twice the time.", 1.0, 0)
    ] = None,
    inversion: Annotated[
        str | None,
        _setting("inversion", "stochastic, sdedit, ddim, or none (AdaIN alone).", "stochastic"),
    ] = None,
    sampler: Annotated[
        str | None, _setting("sampler", "ddim, or dpm_solver with --steps 20.", "ddim")
    ] = None,
    adain: Annotated[
        str | None, _setting("adain", "Statistics taken over: regions, whole, or none.", "regions")
    ] = None,
    guard: Annotated[
        float | None, _setting("guard", "Share of the way that holds coarse structure.", 0.0, 0, 1)
    ] = None,
    use_layout: Annotated[
        bool | None, _setting("layout/--no-layout", "Condition on the drawing's mask.", True)
    ] = None,
    best_of: Annotated[
        int | None, _setting("best-of", "Attempts; the one that keeps cells best.", 1, 1)
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option("--tile", min=128, help="Work in tiles of this side where images are larger."),
    ] = None,
    backbone: Backbone = "compact",
    seed: OptionalSeed = None,
    device: Device = "auto",
    workers: Workers = 1,
    overwrite: Overwrite = False,
) -> None:
    """Give drawings the look of real images; points, counts and masks are carried over."""
    from adaptoscope.pipeline.styles import stylise as stylise_folder

    stylised = stylise_folder(
        drawings,
        out,
        style,
        settings=settings,
        strength=strength,
        steps=steps,
        guidance=guidance,
        inversion=inversion,
        sampler=sampler,
        adain=adain,
        guard=guard,
        use_layout=use_layout,
        best_of=best_of,
        tile=tile,
        backbone=backbone,
        seed=seed,
        device=device,
        workers=workers,
        overwrite=overwrite,
    )
    typer.echo(f"{out}: {len(stylised)} stylised images")


def screen(
    images: Annotated[Path, typer.Argument(metavar="SET", help="Folder of stylised images.")],
    drawings: Annotated[Path, typer.Option("--drawings", help="The drawings they were made from.")],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of ScreeningSettings.")
    ] = None,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Find the drawn cells again in stylised images and mark what is kept in metadata.csv.

    An interrupted run goes on with the same command.
    """
    from adaptoscope.pipeline.styles import screen as screen_folder

    found = screen_folder(images, drawings, settings=settings, workers=workers)
    answer(found.as_dict(), as_json=as_json, title=f"Screening of {images}")
