"""Commands of stage 4 that use a network: predict stains, and measure how well."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adaptoscope.cli.options import (
    AsJson,
    Channel,
    Device,
    Overwrite,
    Root,
    Z,
    plane,
    print_answer,
    refuse_folder,
)
from adaptoscope.cli.stain_train import Modality
from adaptoscope.errors import InputError


def predict(
    model: Annotated[
        list[Path],
        typer.Argument(help="Model folder; several give their mean and how far they disagree."),
    ],
    images: Annotated[Path, typer.Option("--images", help="Folder of images.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the stains, as 16-bit TIFF.")],
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Predict the stains of a folder of images; of pairs, from the images that are given."""
    from adaptoscope.pipeline.stains import predict_stain
    from adaptoscope.translation.predict_folder import TABLE

    found = predict_stain(
        model,
        images,
        out,
        device=device,
        root=root,
        channel=channel,
        z=plane(z),
        overwrite=overwrite,
    )
    typer.echo(f"{out}: {found.written} images, {', '.join(found.stains)}; see {TABLE}")
    if found.errors:
        name, why = next(iter(found.errors.items()))
        number = found.written + len(found.errors)
        raise InputError(
            f"{len(found.errors)} of {number} images could not be predicted.",
            expected="images as those that the model learnt from",
            found=f"{name}: {why}",
            remedy=f"see the column error of {out / TABLE}",
        )


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    pairs: Annotated[Path, typer.Argument(metavar="SET", help="Folder of image pairs.")],
    split: Annotated[
        str | None, typer.Option("--split", help="Only the pairs of this split, as test.")
    ] = None,
    modality: Modality = None,
    grid: Annotated[
        int | None,
        typer.Option(
            "--grid",
            min=2,
            help="Side of the tiles of a montage in pixels: compare with the mean cell of the "
            "split train, and say what is predicted beyond it.",
        ),
    ] = None,
    count_nuclei: Annotated[
        str | None,
        typer.Option(
            "--count-nuclei",
            help="Also count the nuclei of this stain, predicted and true, with --counter.",
            metavar="STAIN",
        ),
    ] = None,
    counter: Annotated[
        str, typer.Option("--counter", help="Counter of --count-nuclei: nuclei, or its folder.")
    ] = "nuclei",
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML file for the figures and some images.")
    ] = None,
    device: Device = "auto",
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Compare predicted with true stains: Pearson with interval, SSIM, PSNR, NRMSE."""
    from adaptoscope.pipeline.stain_evaluation import evaluate_stain

    refuse_folder("--report", report)
    found = evaluate_stain(
        model,
        pairs,
        split=split,
        modality=modality,
        grid=grid,
        count_nuclei=count_nuclei,
        counter=counter,
        report=report,
        device=device,
        root=root,
    )
    if as_json:
        print_answer(found.as_dict(), as_json=True)
    else:
        _print_blocks(found.as_dict(), f"{model.name} on {pairs}")
    for remark in found.remarks:
        typer.echo(remark, err=True)
    if report is not None:
        typer.echo(f"Report: {report}", err=True)


def _print_blocks(found: dict[str, Any], title: str) -> None:
    """Print the means over stains, and a block for each stain."""
    by_stain = found["stains"]
    over = "" if len(by_stain) == 1 else f", means over {', '.join(by_stain)}"
    means = {name: value for name, value in found.items() if name != "stains"}
    print_answer(means, as_json=False, title=f"{title}{over}")
    for stain, figures in by_stain.items():
        print_answer(figures, as_json=False, title=stain)
