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
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.style_transfer.settings import StylisationSettings
    from adaptoscope.training.settings import load_settings

    given = {
        "strength": strength,
        "steps": steps,
        "guidance": guidance,
        "inversion": inversion,
        "sampler": sampler,
        "adain": adain,
        "guard": guard,
        "use_layout": use_layout,
        "best_of": best_of,
        "tile": tile,
        "seed": seed,
    }
    chosen = load_settings(settings, StylisationSettings) if settings else StylisationSettings()
    chosen = chosen.changed(**{name: value for name, value in given.items() if value is not None})
    if not drawings.is_dir():
        open_counted_images(drawings)  # Says what is wrong, before a network library is loaded.

    from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
    from adaptoscope.training.step_loop import start_fabric

    place = str(start_fabric(device).device)
    job = StylisationJob(out, drawings, style, backbone, chosen, place)
    stylised = stylise_set(job, workers=workers, overwrite=overwrite)
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
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.style_transfer.settings import ScreeningSettings
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, ScreeningSettings) if settings else ScreeningSettings()
    stylised = open_counted_images(images, include_rejected=True)
    drawn = open_counted_images(drawings)

    from adaptoscope.style_transfer.screening.screen import screen_set

    summary = screen_set(stylised, drawn, chosen, workers=workers)
    found = {
        "n": summary.n,
        "kept": summary.kept,
        "yield": summary.kept_share,
        "precision": summary.precision,
        "recall": summary.recall,
        "f1": summary.f1,
        "rejects": summary.rejects,
        "f1_kept": summary.f1_kept,
        "f1_drawings": summary.f1_drawings,
        "invented": summary.invented,
        "lost": summary.lost,
        "merged": summary.merged,
        "divided": summary.divided,
    }
    answer(found, as_json=as_json, title=f"Screening of {images}")
