"""Commands of stage 4 that use a network: predict stains, and measure how well."""

from pathlib import Path
from typing import Annotated

import typer

from adaptoscope.cli.options import (
    AsJson,
    Channel,
    Device,
    Overwrite,
    Root,
    Z,
    open_sets,
    print_answer,
)
from adaptoscope.cli.stain_models import Modality
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
    """Predict the stains of a folder of images."""
    from adaptoscope.training.step_loop import start_fabric
    from adaptoscope.translation.ensemble import load_ensemble
    from adaptoscope.translation.predict_folder import TABLE, predict_folder

    (opened,) = open_sets([images], root, channel, z)
    ensemble = load_ensemble(model, device=str(start_fabric(device).device))
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
    device: Device = "auto",
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Compare predicted with true stains: Pearson with interval, SSIM, PSNR, NRMSE."""
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.training.step_loop import start_fabric
    from adaptoscope.translation.evaluate import evaluate_translator
    from adaptoscope.translation.fields import read_fields
    from adaptoscope.translation.model_folder import load_translator
    from adaptoscope.translation.montage import compare_with_mean_cell
    from adaptoscope.translation.train_pairs import one_modality

    opened = one_modality(open_paired_stains(pairs, root=root), modality)
    loaded = load_translator(model, device=str(start_fabric(device).device))
    chosen = opened if split is None else opened.select(split=split)
    fields = read_fields(chosen, loaded.record.stains)
    if grid is None:
        found = evaluate_translator(loaded, fields).as_dict()
    else:
        taught = read_fields(opened.select(split="train"), loaded.record.stains)
        found = compare_with_mean_cell(loaded, fields, taught, grid)
    print_answer(found, as_json=as_json, title=f"{model.name} on {pairs}")
