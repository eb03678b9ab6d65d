"""Commands of stage 3 that train counters."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import (
    Channel,
    Device,
    OptionalSeed,
    Overwrite,
    Root,
    Z,
    open_sets,
    plane,
)
from adaptoscope.errors import SettingsError

NETWORKS = ("centres", "regressor", "fcrn_a")


def train(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    real: Annotated[
        Path,
        typer.Option(
            "--real", help="Counted images to learn from: real; synthetic if none are counted."
        ),
    ],
    synthetic: Annotated[
        Path | None, typer.Option("--synthetic", help="Counted synthetic images to begin with.")
    ] = None,
    unlabelled: Annotated[
        Path | None,
        typer.Option(
            "--unlabelled", help="Real images that the steadiest weights are chosen on; no labels."
        ),
    ] = None,
    head: Annotated[
        str,
        typer.Option(
            "--head",
            "--method",
            help="centres, regressor, fcrn_a; fitted only: nuclei, dog, otsu_watershed, constant.",
        ),
    ] = "centres",
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of settings of that head.")
    ] = None,
    init: Annotated[
        str | None, typer.Option("--init", help="nuclei, imagenet, random, or a .safetensors file.")
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option("--folds", min=2, help="Cross-validate for intervals, then train on all."),
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a counter on the split train of counted images; with --synthetic, on those first."""
    from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline
    from adaptoscope.counting.regimes import train_counter
    from adaptoscope.counting.settings import DensitySettings, RegressorSettings
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.training.settings import read_settings, settings_from

    images = open_counted_images(real, root=root, channel=channel, z=plane(z))
    if head not in NETWORKS:
        _refuse_unused(
            head,
            synthetic=synthetic,
            unlabelled=unlabelled,
            settings=settings,
            init=init,
            folds=folds,
        )
        fitted = settings_from({"method": head}, BaselineSettings)
        typer.echo(train_baseline(fitted, out, real=images, overwrite=overwrite))
        _say_how_well(out, by_folds=False)
        return
    schema: type[RegressorSettings] | type[DensitySettings] = (
        RegressorSettings if head == "regressor" else DensitySettings
    )
    origin = str(settings) if settings else ""
    values = read_settings(settings) if settings else {}
    if isinstance(values, dict):
        values = {"head": head, **values}
        if unlabelled is not None:
            values = {"checkpoint": "steadiest", **values}
        if synthetic is not None and "regime" not in values:
            begun = {"pretrain_steps": values.get("pretrain_steps", 1)}
            checked = settings_from(
                {**values, "regime": "fine_tuned", **begun}, schema, origin=origin
            )
            values = {"pretrain_steps": checked.steps, **values, "regime": "fine_tuned"}
    chosen = settings_from(values, schema, origin=origin)
    given = {"seed": seed, "init": init, "folds": folds}
    chosen = chosen.changed(**{name: value for name, value in given.items() if value is not None})
    typer.echo(
        train_counter(
            chosen,
            out,
            real=images,
            synthetic=open_counted_images(synthetic) if synthetic else None,
            unlabelled=open_sets([unlabelled], root, channel, z)[0] if unlabelled else None,
            device=device,
            overwrite=overwrite,
        )
    )
    _say_how_well(out, by_folds=chosen.folds > 0)


def train_encoder(
    out: Annotated[Path, typer.Argument(help="Run folder; weights go to OUT.")],
    images: Annotated[
        list[Path], typer.Option("--images", help="A counted set; may be given again.")
    ],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of EncoderTrainingSettings.")
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Train an encoder that counters can start from, on the training splits of counted sets."""
    from adaptoscope.counting.pretrain_encoder import EncoderTrainingSettings, pretrain_encoder
    from adaptoscope.training.settings import load_settings

    chosen = (
        load_settings(settings, EncoderTrainingSettings) if settings else EncoderTrainingSettings()
    )
    chosen = chosen if seed is None else chosen.changed(seed=seed)
    sets = open_sets(images, root, channel, z)
    typer.echo(pretrain_encoder(out, sets, chosen, device=device, overwrite=overwrite))


def pretrain(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    images: Annotated[
        list[Path], typer.Option("--images", help="A counted set; may be given again.")
    ],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of CounterTrainingSettings.")
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a counter for many microscopes on the training splits of counted sets."""
    from adaptoscope.counting.pretrain_counter import CounterTrainingSettings, pretrain_counter
    from adaptoscope.training.settings import load_settings

    chosen = (
        load_settings(settings, CounterTrainingSettings) if settings else CounterTrainingSettings()
    )
    chosen = chosen if seed is None else chosen.changed(seed=seed)
    sets = open_sets(images, root, channel, z)
    typer.echo(pretrain_counter(out, sets, chosen, device=device, overwrite=overwrite))


def _say_how_well(folder: Path, *, by_folds: bool) -> None:
    """Say what a counter's error on images left out is, and what could not be measured."""
    from adaptoscope.counting.calibration import LEAST_IMAGES
    from adaptoscope.counting.model_folder import read_record

    record = read_record(folder)
    if record.measured is None:
        said = (
            "Not measured: no labelled image is in the split val. Nothing says how well it counts."
        )
    else:
        where = "Cross-validation" if by_folds else "Validation"
        said = "{}: MAE {mae:.1f} cells, bias {bias:+.1f}, {n:.0f} images."
        said = said.format(where, **record.measured)
        if record.calibration is None:
            needed = "labelled" if by_folds else "validation"
            said += f" No intervals of single counts: they need {LEAST_IMAGES} {needed} images."
    typer.echo(said, err=True)


def _refuse_unused(method: str, **options: object) -> None:
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        raise SettingsError(
            f"The method {method} has no use for {', '.join(given)}.",
            expected="--real only; it is fitted to the numbers of cells of real images",
            found=", ".join(given),
            remedy=f"leave these options out, or choose --head {', '.join(NETWORKS)}",
        )
