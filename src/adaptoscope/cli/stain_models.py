"""Commands of stages 4 and 5 that learn: from pairs, or from another microscope's images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adaptoscope.cli.options import Channel, Device, OptionalSeed, Overwrite, Root, Z, plane

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


def read_unstained(
    folder: Path, modality: str | None, root: Path | None, channel: int | None, z: str | None
) -> "Sequence[Field]":
    """Read the images of a folder of pairs, or of plain images; no stain is opened.

    Parameters
    ----------
    folder
        With or without ``pairs.csv``. Of pairs with splits only ``train`` is taken.
    modality, root
        Of pairs.
    channel, z
        Of plain images.
    """
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.translation.fields import fields_of_images, read_fields
    from adaptoscope.translation.train_pairs import one_modality, training_part

    if (folder / "pairs.csv").is_file():
        pairs = one_modality(open_paired_stains(folder, root=root), modality)
        return read_fields(training_part(pairs), truth=False)
    images = open_counted_images(folder, root=root, channel=channel, z=plane(z))
    return fields_of_images(images.training_part())


def adapt(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    model: Annotated[Path, typer.Option("--model", help="Model folder of `stain train`.")],
    source: Annotated[
        Path, typer.Option("--source", help="Images of the microscope that it learnt from.")
    ],
    target: Annotated[
        Path,
        typer.Option("--target", help="Images of the other microscope; no stain is looked at."),
    ],
    layer: Annotated[
        str, typer.Option("--layer", help="1 to 16; several as 2,5.", metavar="L")
    ] = "2",
    modality: Annotated[
        str | None, typer.Option("--modality", help="Only source pairs of this modality.")
    ] = None,
    target_modality: Annotated[
        str | None, typer.Option("--target-modality", help="Only target pairs of this modality.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of AdaptationSettings.")
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Learn the first layers of a network anew for images of another microscope, without pairs."""
    from adaptoscope.adaptation.adapt import adapt_translator
    from adaptoscope.adaptation.settings import AdaptationSettings, layers_from
    from adaptoscope.training.settings import load_settings
    from adaptoscope.training.step_loop import start_fabric
    from adaptoscope.translation.model_folder import load_translator

    chosen = load_settings(settings, AdaptationSettings) if settings else AdaptationSettings()
    chosen = chosen.changed(layers=layers_from(layer))
    chosen = chosen if seed is None else chosen.changed(seed=seed)
    typer.echo(
        adapt_translator(
            chosen,
            out,
            model=load_translator(model, device=str(start_fabric(device).device)),
            source=read_unstained(source, modality, root, channel, z),
            target=read_unstained(target, target_modality, root, channel, z),
            device=device,
            overwrite=overwrite,
        )
    )
