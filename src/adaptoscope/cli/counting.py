"""Commands of stage 3: train a counter, test it, count images."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import (
    AsJson,
    Channel,
    Device,
    DeviceName,
    OptionalSeed,
    Overwrite,
    Root,
    Seed,
    Z,
    plane,
    refuse_folder,
)
from adaptoscope.cli.options import print_answer as answer
from adaptoscope.errors import SettingsError

NETWORKS = ("centres", "regressor", "fcrn_a")

_SEEN = "Images that a counter was trained on were not refused: on those it looks better."

app = typer.Typer(help="Train a counter, test it, count images.", no_args_is_help=True)

Split = Annotated[
    str | None, typer.Option("--split", help="Only the images of this split, for example test.")
]


@app.command("train")
def train(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    real: Annotated[Path, typer.Option("--real", help="Counted real images.")],
    synthetic: Annotated[
        Path | None, typer.Option("--synthetic", help="Counted synthetic images to begin with.")
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
        _refuse_unused(head, synthetic=synthetic, settings=settings, init=init)
        fitted = settings_from({"method": head}, BaselineSettings)
        typer.echo(train_baseline(fitted, out, real=images, overwrite=overwrite))
        _say_how_well(out)
        return
    schema: type[RegressorSettings] | type[DensitySettings] = (
        RegressorSettings if head == "regressor" else DensitySettings
    )
    origin = str(settings) if settings else ""
    values = read_settings(settings) if settings else {}
    if isinstance(values, dict):
        values = {"head": head, **values}
        if synthetic is not None and "regime" not in values:
            begun = {"pretrain_steps": values.get("pretrain_steps", 1)}
            checked = settings_from(
                {**values, "regime": "fine_tuned", **begun}, schema, origin=origin
            )
            values = {"pretrain_steps": checked.steps, **values, "regime": "fine_tuned"}
    chosen = settings_from(values, schema, origin=origin)
    given = {"seed": seed, "init": init}
    typer.echo(
        train_counter(
            chosen.changed(**{name: value for name, value in given.items() if value is not None}),
            out,
            real=images,
            synthetic=open_counted_images(synthetic) if synthetic else None,
            device=device,
            overwrite=overwrite,
        )
    )
    _say_how_well(out)


@app.command("evaluate")
def evaluate(
    model: Annotated[str, typer.Argument(help="Model folder, nuclei, dog or otsu_watershed.")],
    images: Annotated[Path, typer.Argument(metavar="SET", help="Counted images.")],
    split: Split = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="Another counter, compared on the same images."),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", help="Side in pixels of MODEL's windows, if it is a regressor."),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", help="CSV file for one row per image.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML file for plots and the worst images.")
    ] = None,
    seen_allowed: Annotated[
        bool, typer.Option("--allow-training-images", help="Do not refuse images it has seen.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    as_json: AsJson = False,
) -> None:
    """Compare a counter with counted images: errors and their 95 % interval."""
    from adaptoscope.counting.evaluate import evaluate_counter
    from adaptoscope.counting.model_folder import load_counter
    from adaptoscope.counting.paired_counters import compare_evaluations
    from adaptoscope.counting.window_size import with_window
    from adaptoscope.datasets.counted_images import open_counted_images

    refuse_folder("--table", table)
    refuse_folder("--report", report)
    opened = open_counted_images(images, root=root, channel=channel, z=plane(z))
    opened = opened.split(split) if split else opened
    counter = load_counter(model, device=_place(model, device))
    rival = load_counter(against, device=_place(against, device)) if against else None
    if window is not None:
        counter = with_window(counter, window)
    found = evaluate_counter(counter, opened, seed=seed, allow_training_images=seen_allowed)
    other = None
    if rival is not None:
        second = evaluate_counter(rival, opened, seed=seed, allow_training_images=seen_allowed)
        name = str(against) if rival.name == counter.name else rival.name
        other = compare_evaluations(found, second, name=name, seed=seed)
    if table is not None:
        found.write_table(table)
    if report is not None:
        from adaptoscope.pipeline.evaluation_report import write_evaluation_report

        remark = _SEEN if seen_allowed else ""
        write_evaluation_report(
            report, counter.name, found, opened, other=other, remark=remark, seed=seed
        )
    if (bare := len(opened) - found.errors.n) > 0:
        typer.echo(f"{bare} of {len(opened)} images were left out: no cells marked.", err=True)
    if as_json:
        answer(found.as_dict() | (other.as_dict() if other else {}), as_json=True)
        return
    words = found.in_words() | (other.in_words() if other else {})
    answer(words, as_json=False, title=f"{model} on {images}")


@app.command("predict")
def predict(
    images: Annotated[
        Path, typer.Argument(help="An image, or a folder of images; no sub-folders but OME-Zarr.")
    ],
    out: Annotated[Path, typer.Option("--out", help="CSV file to write.")] = Path("counts.csv"),
    model: Annotated[
        str, typer.Option("--model", help="nuclei, dog, otsu_watershed, or a model folder.")
    ] = "nuclei",
    points: Annotated[
        Path | None, typer.Option("--points", help="Folder for points.csv: the cell centres.")
    ] = None,
    overlays: Annotated[
        Path | None, typer.Option("--overlays", help="Folder for one PNG per image, cells ringed.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="PNG file: the counts of all images.")
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option("--regions", help="Folder of label images; each label gets a row."),
    ] = None,
    diameter: Annotated[
        float | None,
        typer.Option("--diameter", min=1.0, help="Cell diameter in pixels, not to be measured."),
    ] = None,
    pixel_size_um: Annotated[
        float | None,
        typer.Option("--pixel-size-um", min=1e-6, help="Where the images do not tell it."),
    ] = None,
    max_pixels: Annotated[
        int,
        typer.Option("--max-pixels", min=1, help="Most pixels of images that must be read whole."),
    ] = 1_000_000_000,
    channel: Channel = None,
    z: Z = None,
    device: Device = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that are there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count images and write one row for each; an image that fails gets its error, never 0."""
    from adaptoscope.counting.images_to_count import images_to_count
    from adaptoscope.counting.model_folder import load_counter
    from adaptoscope.counting.predict import PredictSettings
    from adaptoscope.pipeline.count_folder import CountOutputs, count_folder, summarise_counts
    from adaptoscope.training.settings import settings_from

    chosen = {"channel": channel, "z": plane(z), "pixel_size_um": pixel_size_um}
    left_out = images_to_count(images).left_out()
    rows = count_folder(
        load_counter(model, device=_place(model, device)),
        images,
        CountOutputs(out, points, overlays, plot, overwrite),
        settings_from(
            {**chosen, "diameter_px": diameter, "max_pixels": max_pixels}, PredictSettings
        ),
        regions=regions,
    )
    summary = summarise_counts(rows)
    written = {"table": out, "points": points, "overlays": overlays, "plot": plot}
    named = {name: str(place) for name, place in written.items() if place is not None}
    shown = summary.as_dict() if as_json else summary.as_text()
    answer({**named, **shown}, as_json=as_json, title=f"Counted with {model}")
    if left_out:
        typer.echo(left_out, err=True)
    if summary.failed:
        typer.echo(
            f"{summary.failed} of {summary.images} images failed; see the column error:", err=True
        )
        for reason in dict.fromkeys(row.error for row in rows if row.error):
            typer.echo(f"  {reason}", err=True)
        raise typer.Exit(1)


@app.command("train-encoder")
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
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.training.settings import load_settings

    chosen = load_settings(settings, EncoderTrainingSettings) if settings else None
    chosen = chosen or EncoderTrainingSettings()
    chosen = chosen if seed is None else chosen.changed(seed=seed)
    sets = [
        open_counted_images(folder, root=root, channel=channel, z=plane(z)) for folder in images
    ]
    typer.echo(pretrain_encoder(out, sets, chosen, device=device, overwrite=overwrite))


def _place(model: str, device: DeviceName) -> str:
    """Say where a counter runs, as PyTorch names it; those without a network know no device."""
    from adaptoscope.training.step_loop import start_fabric

    classical = model in ("dog", "otsu_watershed")
    return "cpu" if classical else str(start_fabric(device).device)


def _say_how_well(folder: Path) -> None:
    """Say what a counter's error on validation images is, and what could not be measured."""
    from adaptoscope.counting.calibration import LEAST_IMAGES
    from adaptoscope.counting.model_folder import read_record

    record = read_record(folder)
    if record.measured is None:
        said = (
            "Not measured: no labelled image is in the split val. Nothing says how well it counts."
        )
    else:
        said = "Validation: MAE {mae:.1f} cells, bias {bias:+.1f}, {n:.0f} images."
        said = said.format(**record.measured)
        if record.calibration is None:
            said += f" No intervals of single counts: they need {LEAST_IMAGES} validation images."
    typer.echo(said, err=True)


def _refuse_unused(method: str, **options: object) -> None:
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        raise SettingsError(
            f"The method {method} has no use for {', '.join(given)}.",
            expected="--real only; it is fitted to the numbers of cells of real images",
            found=", ".join(given),
            remedy="leave these options out, or choose --method regressor",
        )
