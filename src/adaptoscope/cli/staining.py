"""Commands of stages 4 and 5: virtual staining."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import Overwrite, Root, Seed
from adaptoscope.cli.stain_adapt import adapt, sweep
from adaptoscope.cli.stain_train import train
from adaptoscope.cli.stain_use import evaluate, predict
from adaptoscope.errors import SettingsError

app = typer.Typer(help="Predict stains, adapt to another microscope.", no_args_is_help=True)
for name, command in (
    ("train", train),
    ("adapt", adapt),
    ("sweep", sweep),
    ("evaluate", evaluate),
    ("predict", predict),
):
    app.command(name)(command)


@app.callback()
def staining() -> None:
    """Predict stains, adapt to another microscope."""


@app.command("shift")
def shift(
    pairs: Annotated[Path, typer.Argument(metavar="SET", help="Folder of image pairs.")],
    out: Annotated[Path, typer.Argument(help="Folder for the shifted pairs.")],
    overexposure: Annotated[
        float | None,
        typer.Option(
            help="Exposure in % of now, cut off at white; 150 is overexposed, 50 darker.",
            metavar="PERCENT",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            help="Magnification relative to now, 0.5 to 4; of stain, masks and cells too.",
            metavar="FACTOR",
        ),
    ] = None,
    defocus: Annotated[
        float | None,
        typer.Option(help="Standard deviation of a Gaussian blur, in pixels.", metavar="PIXELS"),
    ] = None,
    photons: Annotated[
        float | None,
        typer.Option(help="Shot noise: photons of a white pixel; fewer are noisier.", metavar="N"),
    ] = None,
    read_noise: Annotated[
        float | None,
        typer.Option(
            "--read-noise",
            help="Standard deviation of camera noise, as a share of white (0.02: 2 %).",
            metavar="SHARE",
        ),
    ] = None,
    gradient: Annotated[
        float | None,
        typer.Option(
            help="Uneven light: from 1 - SHARE/2 times as bright at one border to 1 + SHARE/2.",
            metavar="SHARE",
        ),
    ] = None,
    gradient_angle: Annotated[
        float | None,
        typer.Option(
            "--gradient-angle",
            help="Where it is brightest, in degrees; 0: right (default), 90: up.",
            metavar="DEGREES",
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings", help="YAML file of ShiftSettings; options given here win over it."
        ),
    ] = None,
    modality: Annotated[
        str | None, typer.Option("--modality", help="Only the pairs of this modality.")
    ] = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    root: Root = None,
) -> None:
    """Write image pairs as another microscope would show them: brighter, blurred, magnified.

    Only the images that are given are shifted; a scale also changes the stain. White is the
    percentile 99.9 of all given images, black a stored zero (`dark` in --settings). An interrupted
    run goes on with the same command.
    """
    from adaptoscope.adaptation.shifts.shift_set import write_shifted
    from adaptoscope.adaptation.shifts.table import ShiftSettings
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.training.progress import progress_display
    from adaptoscope.training.settings import load_settings, settings_from

    asked = {
        "overexposure": overexposure,
        "scale": scale,
        "defocus": defocus,
        "photons": photons,
        "read_noise": read_noise,
        "gradient": gradient,
        "gradient_angle": gradient_angle,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if settings is not None:
        chosen = load_settings(settings, ShiftSettings).changed(**given)
    else:
        _refuse_no_shift(given)
        chosen = settings_from(given, ShiftSettings)
    opened = open_paired_stains(pairs, root=root)
    if modality is not None:
        opened = opened.select(modality=modality)
    images = len({record.input for record in opened})
    with progress_display("stain shift", images, unit="image") as advance:
        written = write_shifted(
            opened, out, chosen, seed=seed, overwrite=overwrite, on_image=advance
        )
    line = f"{out}: {images} images, {len(written.pairs)} pairs, {chosen.name()}"
    if written.saturated is not None:
        line += f"; {100 * written.saturated:.2f} % of the pixels at white"
    typer.echo(line)


def _refuse_no_shift(given: dict[str, float]) -> None:
    if not given:
        raise SettingsError(
            "No shift was given.",
            expected="at least one of --overexposure, --scale, --defocus, --photons, --read-noise "
            "and --gradient",
            found="none of them",
            remedy="for example --overexposure 150",
        )
