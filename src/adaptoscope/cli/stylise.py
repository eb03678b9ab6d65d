"""Commands of stage 2 that make and judge images: give drawings a look, screen the result."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import AsJson, Device, Overwrite, Seed, Workers
from adaptoscope.cli.options import print_answer as answer
from adaptoscope.cli.style import Backbone


def stylise(
    drawings: Annotated[Path, typer.Argument(help="Folder of drawings, as synthesise writes it.")],
    out: Annotated[Path, typer.Argument(help="Folder for the stylised images.")],
    style: Annotated[Path, typer.Option("--style", help="Style file from `style learn`.")],
    strength: Annotated[
        float,
        typer.Option(
            "--strength", min=0.0, max=1.0, help="Share of the noise schedule; 0 is AdaIN alone."
        ),
    ] = 0.7,
    steps: Annotated[int, typer.Option("--steps", min=1, help="DDIM steps.")] = 50,
    guidance: Annotated[
        float, typer.Option("--guidance", min=0.0, help="Other than 1: twice the time.")
    ] = 1.0,
    inversion: Annotated[
        str, typer.Option("--inversion", help="stochastic, sdedit, ddim, or none (AdaIN alone).")
    ] = "stochastic",
    sampler: Annotated[
        str, typer.Option("--sampler", help="ddim, or dpm_solver with --steps 20.")
    ] = "ddim",
    adain: Annotated[
        str, typer.Option("--adain", help="Statistics taken over: regions, whole, or none.")
    ] = "regions",
    guard: Annotated[
        float,
        typer.Option(
            "--guard", min=0.0, max=1.0, help="Share of the way that holds coarse structure."
        ),
    ] = 0.0,
    layout: Annotated[
        bool, typer.Option("--layout/--no-layout", help="Condition on the drawing's mask.")
    ] = True,
    best_of: Annotated[
        int, typer.Option("--best-of", min=1, help="Attempts; the one that keeps cells best.")
    ] = 1,
    tile: Annotated[
        int | None,
        typer.Option("--tile", min=128, help="Work in tiles of this side where images are larger."),
    ] = None,
    backbone: Backbone = "compact",
    seed: Seed = 0,
    device: Device = "auto",
    workers: Workers = 1,
    overwrite: Overwrite = False,
) -> None:
    """Give drawings the look of real images; points, counts and masks are carried over."""
    from adaptoscope.style_transfer.settings import StylisationSettings
    from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
    from adaptoscope.training.settings import settings_from
    from adaptoscope.training.step_loop import start_fabric

    chosen = settings_from(
        {
            "strength": strength,
            "steps": steps,
            "guidance": guidance,
            "inversion": inversion,
            "sampler": sampler,
            "adain": adain,
            "guard": guard,
            "best_of": best_of,
            "use_layout": layout,
            "tile": tile,
            "seed": seed,
        },
        StylisationSettings,
    )
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
    as_json: AsJson = False,
) -> None:
    """Find the drawn cells again in stylised images and mark what is kept in metadata.csv."""
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.style_transfer.screening.screen import screen_set
    from adaptoscope.style_transfer.settings import ScreeningSettings
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, ScreeningSettings) if settings else ScreeningSettings()
    summary = screen_set(
        open_counted_images(images, include_rejected=True), open_counted_images(drawings), chosen
    )
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
