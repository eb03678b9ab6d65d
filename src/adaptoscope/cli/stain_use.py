"""Commands of stage 4 that use a network: predict stains, and measure how well."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adaptoscope.cli.options import (
    AsJson,
    Channel,
    Device,
    Overwrite,
    Root,
    Z,
    open_sets,
    plane,
    print_answer,
    refuse_folder,
)
from adaptoscope.cli.stain_train import Modality
from adaptoscope.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptoscope.translation.fields import Field
    from adaptoscope.translation.model_folder import Predictor


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
    from adaptoscope.datasets.given_images import open_given_images
    from adaptoscope.translation.ensemble import load_ensemble
    from adaptoscope.translation.predict_folder import TABLE, predict_folder

    if (images / "pairs.csv").is_file():
        opened = open_given_images(images, root=root, channel=channel, z=plane(z))
    else:
        (opened,) = open_sets([images], root, channel, z)
    ensemble = load_ensemble(model, device=device)
    found = predict_folder(ensemble, opened, out, overwrite=overwrite)
    typer.echo(f"{out}: {found.written} images, {', '.join(ensemble.stains)}; see {TABLE}")
    if found.errors:
        name, why = next(iter(found.errors.items()))
        raise InputError(
            f"{len(found.errors)} of {len(opened)} images could not be predicted.",
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
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.translation.evaluate import evaluate_translator
    from adaptoscope.translation.fields import read_fields
    from adaptoscope.translation.model_folder import open_translator
    from adaptoscope.translation.montage import compare_with_mean_cell
    from adaptoscope.translation.train_pairs import one_modality

    refuse_folder("--report", report)
    opened = one_modality(open_paired_stains(pairs, root=root), modality)
    loaded = open_translator(model, device=device)
    chosen = opened if split is None else opened.select(split=split)
    fields = read_fields(chosen, loaded.record.stains)
    evaluation = evaluate_translator(loaded, fields)
    found: dict[str, Any] = evaluation.as_dict()
    if grid is not None:
        taught = read_fields(opened.select(split="train"), loaded.record.stains)
        found = compare_with_mean_cell(loaded, fields, taught, grid)
    if count_nuclei is not None:
        from adaptoscope.counting.model_folder import load_counter
        from adaptoscope.pipeline.stained_counts import count_on_stains

        counted = count_on_stains(loaded, load_counter(counter), chosen, fields, count_nuclei)
        found["stains"][count_nuclei]["nuclei"] = {k: v.as_dict() for k, v in counted.items()}
    if as_json:
        print_answer(found, as_json=True)
    else:
        _print_blocks(found, f"{model.name} on {pairs}")
    remarks = _what_flatters(loaded, fields, found)
    for remark in remarks:
        typer.echo(remark, err=True)
    if report is not None:
        from adaptoscope.pipeline.stain_report import write_stain_report

        parts = (str(pairs), modality, f"split {split}" if split else None)
        of = ", ".join(part for part in parts if part)
        write_stain_report(report, loaded, fields, evaluation, found, of=of, remarks=remarks)
        typer.echo(f"Report: {report}", err=True)


def _print_blocks(found: dict[str, Any], title: str) -> None:
    """Print the means over stains, and a block for each stain."""
    by_stain = found["stains"]
    over = "" if len(by_stain) == 1 else f", means over {', '.join(by_stain)}"
    means = {name: value for name, value in found.items() if name != "stains"}
    print_answer(means, as_json=False, title=f"{title}{over}")
    for stain, figures in by_stain.items():
        print_answer(figures, as_json=False, title=stain)


def _what_flatters(
    model: "Predictor", fields: "Sequence[Field]", found: dict[str, Any]
) -> list[str]:
    """Return in words which images the figures leave out, or should not stand on."""
    from adaptoscope.images.microscopy_image import hash_pixels
    from adaptoscope.translation.fields import hash_of

    remarks = []
    known = model.record.training_images.keys()
    # A shifted copy of a training field still has its stains.
    seen = sum(
        hash_of(field) in known or any(hash_pixels(plane) in known for plane in field.stains)
        for field in fields
        if field.stains is not None
    )
    if seen:
        remarks.append(
            f"{seen} of {len(fields)} images took part in the training of {model.name}: figures "
            "on them flatter it. Name a split that did not with --split."
        )
    for stain, figures in found["stains"].items():
        if figures["constant"]:
            remarks.append(
                f"{stain}: {figures['constant']} of {figures['n']} images have a constant truth, "
                "and no correlation."
            )
    return remarks
