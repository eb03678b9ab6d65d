"""Commands of stage 3: train a counter, test it, count images."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adaptoscope.cli.count_training import pretrain, train, train_encoder
from adaptoscope.cli.options import (
    AsJson,
    Channel,
    Device,
    Overwrite,
    Root,
    Seed,
    Z,
    plane,
    refuse_folder,
)
from adaptoscope.cli.options import print_answer as answer
from adaptoscope.errors import SettingsError, printable

if TYPE_CHECKING:
    from adaptoscope.pipeline.counted_folder import CountedFolder

# Reasons why images failed; more would push the summary off the screen.
_MOST_REASONS = 20

TRAINING = (("train", train), ("train-encoder", train_encoder), ("pretrain", pretrain))

app = typer.Typer(help="Train a counter, test it, count images.", no_args_is_help=True)
for name, command in TRAINING:
    app.command(name)(command)

Split = Annotated[
    str | None, typer.Option("--split", help="Only the images of this split, for example test.")
]


EdgesOption = Annotated[
    str | None,
    typer.Option(
        "--edges",
        help="Cells cut by the border: all visible ones count, or those whose centres lie inside.",
        metavar="visible|centres",
    ),
]


BlurredOption = Annotated[
    str | None,
    typer.Option(
        "--blurred",
        help="Cells that are blurred or faint beside the others of their image: count, or skip.",
        metavar="count|skip",
    ),
]


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
    edges: EdgesOption = None,
    blurred: BlurredOption = None,
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
    from adaptoscope.pipeline.counters import evaluate_counter

    refuse_folder("--table", table)
    refuse_folder("--report", report)
    found = evaluate_counter(
        model,
        images,
        split=split,
        against=against,
        window=window,
        edges=edges,  # type: ignore[arg-type]
        blurred=blurred,  # type: ignore[arg-type]
        table=table,
        report=report,
        allow_training_images=seen_allowed,
        seed=seed,
        device=device,
        root=root,
        channel=channel,
        z=plane(z),
    )
    if found.left_out:
        typer.echo(
            f"{found.left_out} of {found.images} images were left out: no cells marked.", err=True
        )
    if as_json:
        answer(found.as_dict(), as_json=True)
        return
    answer(found.in_words(), as_json=False, title=f"{model} on {images}")


@app.command("predict")
def predict(
    images: Annotated[
        list[Path],
        typer.Argument(help="Images, or folders of images; no sub-folders but OME-Zarr."),
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
    cells: Annotated[
        Path | None,
        typer.Option(
            "--cells", help="CSV file: a row for each cell, with its brightness in each channel."
        ),
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option("--regions", help="Folder of label images; each label gets a row."),
    ] = None,
    diameter: Annotated[
        float | None,
        typer.Option("--diameter", min=1.0, help="Cell diameter in pixels, not to be measured."),
    ] = None,
    edges: EdgesOption = None,
    blurred: BlurredOption = None,
    calibrated_by: Annotated[
        Path | None,
        typer.Option(
            "--calibrated-by",
            help="check.csv with two hand counts or more: they say what counts.",
        ),
    ] = None,
    adapt: Annotated[
        Path | None,
        typer.Option(
            "--adapt",
            help="Adapt to these images first, without labels, in this folder; kept if it helps.",
        ),
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
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Processes; as many as are worth it if not given."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that are there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count images, a row for each; one that fails gets its error, never 0.

    A command that was stopped goes on where it was when it is repeated.
    """
    from adaptoscope.pipeline.count_folder import count_folder

    cut_cells: Any = edges
    blurred_cells: Any = blurred
    found = count_folder(
        images,
        model=model,
        out=out,
        points=points,
        overlays=overlays,
        plot=plot,
        cells=cells,
        regions=regions,
        adapt=adapt,
        workers=workers,
        overwrite=overwrite,
        channel=channel,
        z=plane(z),
        diameter_px=diameter,
        edges=cut_cells,
        blurred=blurred_cells,
        calibrated_by=calibrated_by,
        pixel_size_um=pixel_size_um,
        max_pixels=max_pixels,
        device=device,
        say=partial(typer.echo, err=True),
    )
    _print_counts(found, as_json=as_json)


def _print_counts(found: "CountedFolder", *, as_json: bool) -> None:
    """Print what came of counting; leave with an error if an image failed."""
    summary, verdict = found.summary, found.adaptation
    shown = summary.as_dict() if as_json else summary.as_text()
    if verdict is not None:
        shown["adaptation"] = asdict(verdict) if as_json else verdict.in_words(found.counter)
    if found.calibrated is not None:
        said = found.calibrated
        shown["calibration"] = asdict(said) if as_json else said.in_words()
    places = {name: str(place) for name, place in found.places.items()}
    answer({**places, **shown}, as_json=as_json, title=f"Counted with {printable(found.counter)}")
    for sentence in found.left_out:
        typer.echo(printable(sentence), err=True)
    if summary.failed:
        typer.echo(
            f"{summary.failed} of {summary.images} images failed; see the column error:", err=True
        )
        reasons = list(dict.fromkeys(row.error for row in found.rows if row.error))
        for reason in reasons[:_MOST_REASONS]:
            typer.echo(f"  {reason}", err=True)
        if len(reasons) > _MOST_REASONS:
            typer.echo(f"  and {len(reasons) - _MOST_REASONS} more", err=True)
        raise typer.Exit(1)


@app.command("check")
def check(
    images: Annotated[Path, typer.Argument(help="A folder of images.")],
    number: Annotated[
        int, typer.Option("--n", min=4, help="Images to draw at random for counting by hand.")
    ] = 10,
    model: Annotated[
        str, typer.Option("--model", help="Model folder, nuclei, dog or otsu_watershed.")
    ] = "nuclei",
    out: Annotated[Path, typer.Option("--out", help="Folder for counts.csv and check.csv.")] = Path(
        "check"
    ),
    flagged: Annotated[
        int, typer.Option("--flagged", min=0, help="Images with a flag to count besides, at most.")
    ] = 0,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="Known cells: a table image,x,y or image,count."),
    ] = None,
    hand_counts: Annotated[
        Path | None,
        typer.Option("--hand-counts", help="The check.csv with its column hand_count filled in."),
    ] = None,
    seed: Seed = 0,
    channel: Channel = None,
    z: Z = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Choose images worth counting by hand; with their hand counts, tell the counter's bias."""
    from adaptoscope.counting.audit import CHECK_FILE, finish_check
    from adaptoscope.counting.audit_table import fill_from_labels, shortened

    if hand_counts is None:
        from adaptoscope.pipeline.count_check import begin_check

        begun = begin_check(
            model,
            images,
            out,
            number=number,
            flagged=flagged,
            seed=seed,
            channel=channel,
            z=plane(z),
            device=device,
            workers=None,
            overwrite=overwrite,
            say=partial(typer.echo, err=True),
        )
        if begun.learnt_from:
            typer.echo(
                f"{begun.counter} was trained on {len(begun.learnt_from)} of these "
                f"({printable(shortened(begun.learnt_from))}) and counts them better than others: "
                "what comes out holds for this folder, not for new images.",
                err=True,
            )
        if labels is None:
            found = {
                "trained_on": begun.learnt_from,
                "to_count_by_hand": [row.image for row in begun.rows],
                "table": str(out / CHECK_FILE),
            }
            answer(found, as_json=as_json, title=f"{len(begun.rows)} images to count by hand")
            again = f"adaptoscope count check {images} --hand-counts {out / CHECK_FILE}"
            typer.echo(f"Fill in hand_count in every row, then: {again}", err=True)
            return
        without = fill_from_labels(out / CHECK_FILE, labels)
        if without:
            typer.echo(f"Without a row in {labels}, so 0 cells: {', '.join(without)}", err=True)
    elif labels is not None:
        raise SettingsError(
            "Hand counts were given twice.",
            expected="--labels when a check begins, or --hand-counts when it ends",
            found="both",
            remedy="leave one out",
        )
    result = finish_check(images, hand_counts or out / CHECK_FILE)
    if as_json:
        answer(result.as_dict(), as_json=True)
    else:
        typer.echo(result.sentence())
