"""The command of stage 4 that learns from pairs, and how both stages read their images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adaptoscope.cli.options import Device, OptionalSeed, Overwrite, Root, plane
from adaptoscope.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptoscope.translation.fields import Field

Modality = Annotated[
    str | None, typer.Option("--modality", help="Only the pairs of this modality.")
]


def train(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    pairs: Annotated[
        Path, typer.Option("--pairs", help="Folder of image pairs, as pairs.csv lists them.")
    ],
    modality: Modality = None,
    stain: Annotated[
        list[str] | None,
        typer.Option("--stain", help="A stain to predict; may be given again. All by default."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of TranslationSettings.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Training steps.")] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a network to predict stains from light microscopy, on the split train of pairs."""
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.training.settings import load_settings
    from adaptoscope.translation.model_folder import read_translator_record
    from adaptoscope.translation.settings import TranslationSettings
    from adaptoscope.translation.train_pairs import one_modality, train_translator

    opened = one_modality(open_paired_stains(pairs, root=root), modality)
    chosen = load_settings(settings, TranslationSettings) if settings else TranslationSettings()
    given = {"steps": steps, "seed": seed}
    chosen = chosen.changed(**{name: value for name, value in given.items() if value is not None})
    folder = train_translator(
        chosen, out, pairs=opened, stains=stain, device=device, overwrite=overwrite
    )
    typer.echo(folder)
    measured = read_translator_record(folder).measured
    if measured is None:
        said = "Not measured: no pair is in the split val. Nothing says how well it predicts."
    else:
        names = [name for name in measured if name.endswith("_pearson")]
        figures = ", ".join(f"{name[:-8]} {measured[name]:.3f}" for name in names)
        said = f"Validation, {measured['n']:.0f} images: Pearson {figures}."
    typer.echo(said, err=True)


def read_images(
    folder: Path,
    modality: str | None,
    root: Path | None,
    channel: int | None,
    z: str | None,
    stains: "Sequence[str] | None" = None,
) -> "Sequence[Field]":
    """Read the images of a folder of pairs, or of plain images.

    Parameters
    ----------
    folder
        With or without ``pairs.csv``. Of pairs with splits only ``train`` is taken.
    modality, root
        Of pairs.
    channel, z
        Of plain images.
    stains
        Names of the stains to read beside; by default no stain is opened.
    """
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.translation.fields import fields_of_images, read_fields
    from adaptoscope.translation.train_pairs import one_modality, training_part

    if has_pairs(folder):
        pairs = one_modality(open_paired_stains(folder, root=root), modality)
        return read_fields(training_part(pairs), stains, truth=stains is not None)
    if modality is not None:
        raise InputError(
            f"The images of {folder} have no modality.",
            expected="a folder with pairs.csv, which names one for each image",
            found=f"the modality {modality}, and no pairs.csv",
            remedy="leave --modality or --target-modality out, or name the folder of the pairs",
        )
    images = open_counted_images(folder, root=root, channel=channel, z=plane(z))
    return fields_of_images(images.training_part())


def has_pairs(folder: Path) -> bool:
    """Tell whether a folder lists image pairs."""
    return (folder / "pairs.csv").is_file()
