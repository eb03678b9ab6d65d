"""Commands of stages 4 and 5 that learn: from pairs, or from another microscope's images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from adaptoscope.cli.options import Channel, Device, OptionalSeed, Overwrite, Root, Z, plane
from adaptoscope.errors import InputError, OutputError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptoscope.adaptation.baseline_settings import MethodSettings
    from adaptoscope.translation.fields import Field

Method = Literal[
    "adversarial",
    "coral",
    "mmd",
    "none",
    "own_range",
    "per_image",
    "histogram",
    "adabn",
    "restyled",
    "oracle",
]
AUTO = "auto"
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

    if _has_pairs(folder):
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


def adapt(
    out: Annotated[Path, typer.Argument(help="Model folder to write.")],
    model: Annotated[Path, typer.Option("--model", help="Model folder of `stain train`.")],
    target: Annotated[
        Path,
        typer.Option(
            "--target", help="Images of the other microscope; only oracle looks at their stains."
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Option(
            "--source",
            help="Images of the microscope that it learnt from, with their stains if there are "
            "any; for adversarial, coral, mmd, histogram and restyled.",
        ),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            "--method", help="adversarial if not given; none and the others to compare with."
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            help="auto (if not given): layers, and restyled pairs where no --method is named, are "
            "tried with two seeds each, and one way is chosen without labels. Or 1 to 16; several "
            "as 2,5. For adversarial, coral and mmd.",
            metavar="L",
        ),
    ] = None,
    modality: Annotated[
        str | None, typer.Option("--modality", help="Only source pairs of this modality.")
    ] = None,
    target_modality: Annotated[
        str | None, typer.Option("--target-modality", help="Only target pairs of this modality.")
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            help="YAML file of AdaptationSettings, BaselineSettings, AdaBNSettings, "
            "RestyledSettings or OracleSettings, as the method needs.",
        ),
    ] = None,
    seed: OptionalSeed = None,
    device: Device = "auto",
    root: Root = None,
    channel: Channel = None,
    z: Z = None,
    overwrite: Overwrite = False,
) -> None:
    """Adapt a network to another microscope without its stains.

    Its first layers are learnt anew (adversarial, coral, mmd), or all of it from source pairs in
    the look of the target (restyled). Other methods are there to compare with: none changes
    nothing; own_range, per_image and histogram change intensities; adabn measures statistics anew;
    oracle learns from target stains.
    """
    from adaptoscope.adaptation.adapt import adapt_translator
    from adaptoscope.adaptation.auto import adapt_automatically, chosen_way
    from adaptoscope.adaptation.auto_settings import AutoSettings
    from adaptoscope.adaptation.baseline_settings import (
        LOOK_AT_SOURCE,
        OracleSettings,
        RestyledSettings,
    )
    from adaptoscope.adaptation.baselines import adapt_without_learning
    from adaptoscope.adaptation.oracle import fine_tune
    from adaptoscope.adaptation.settings import AdaptationSettings
    from adaptoscope.adaptation.teach_restyled import teach_restyled
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.training.step_loop import start_fabric
    from adaptoscope.translation.model_folder import load_translator
    from adaptoscope.translation.train_pairs import one_modality

    if out.resolve() == model.resolve():
        raise _own_model(model)
    chosen = _chosen(settings, method, layer, seed)
    if source is None and chosen.method in LOOK_AT_SOURCE:
        raise _source_missing(chosen.method)
    loaded = load_translator(model, device=str(start_fabric(device).device))
    how: dict[str, Any] = {"model": loaded, "device": device, "overwrite": overwrite}
    if isinstance(chosen, OracleSettings):
        pairs = one_modality(open_paired_stains(target, root=root), target_modality)
        typer.echo(fine_tune(chosen, out, pairs=pairs, **how))
        return
    automatic = isinstance(chosen, AdaptationSettings) and _is_automatic(settings, layer)
    # Who names a method gets that method.
    taught = (automatic and not _names_method(settings, method)) or isinstance(
        chosen, RestyledSettings
    )
    if source is not None and chosen.method in LOOK_AT_SOURCE:
        names = tuple(loaded.record.stains)
        stained = isinstance(chosen, RestyledSettings) or _has_stains(source, root, modality, names)
        stains = names if taught and stained and _has_pairs(source) else None
        how["source"] = read_images(source, modality, root, channel, z, stains)
    how["target"] = read_images(target, target_modality, root, channel, z)
    if isinstance(chosen, AdaptationSettings) and automatic:
        tried = AutoSettings(adaptation=chosen, seeds=(chosen.seed, chosen.seed + 1))
        if not taught:
            tried = tried.changed(restyling=None)
        elif any(field.stains is None for field in how["source"]):
            tried = tried.changed(restyling=None)
            typer.echo(f"{source} lacks stains: restyled pairs are not tried.", err=True)
        typer.echo(adapt_automatically(tried, out, **how))
        way, scores = chosen_way(out)
        said = f"Chosen among {len(scores)} ways, without labels: {way}."
        if way == "unadapted":
            said = f"None of {len(scores) - 1} ways seems better than the network as it was; only "
            said += "intensities were measured anew."
        typer.echo(said, err=True)
    elif isinstance(chosen, AdaptationSettings):
        typer.echo(adapt_translator(chosen, out, **how))
    elif isinstance(chosen, RestyledSettings):
        typer.echo(teach_restyled(chosen, out, **how))
    else:
        typer.echo(adapt_without_learning(chosen, out, **how))


def _has_pairs(folder: Path) -> bool:
    return (folder / "pairs.csv").is_file()


def _has_stains(
    folder: Path, root: Path | None, modality: str | None, stains: "Sequence[str]"
) -> bool:
    """Tell whether every image to learn from is listed with every stain; none is opened."""
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.translation.fields import UNNAMED
    from adaptoscope.translation.train_pairs import one_modality, training_part

    if not _has_pairs(folder):
        return False
    pairs = training_part(one_modality(open_paired_stains(folder, root=root), modality))
    listed: dict[str, set[str]] = {}
    for record in pairs:
        listed.setdefault(record.input, set()).add(record.stain or UNNAMED)
    return all(names >= set(stains) for names in listed.values())


def _is_automatic(file: Path | None, layer: str | None) -> bool:
    """Tell whether neither an option nor a settings file names the layers."""
    from adaptoscope.training.settings import read_settings

    if layer is not None:
        return layer == AUTO
    values = {} if file is None else read_settings(file)
    return "layers" not in values


def _names_method(file: Path | None, method: str | None) -> bool:
    from adaptoscope.training.settings import read_settings

    return method is not None or (file is not None and "method" in read_settings(file))


def _chosen(
    file: Path | None, method: str | None, layer: str | None, seed: int | None
) -> "MethodSettings":
    """Return the settings of a method: those of a file, over which options win."""
    from adaptoscope.adaptation.baseline_settings import settings_of_method
    from adaptoscope.adaptation.settings import layers_from
    from adaptoscope.training.settings import read_settings

    values = {} if file is None else read_settings(file)
    chosen = settings_of_method(values, method, origin="" if file is None else str(file))
    layers = None if layer in (None, AUTO) else layers_from(str(layer))
    given = {"layers": layers, "seed": seed}
    asked = {name: value for name, value in given.items() if value is not None}
    if layer == AUTO and "layers" not in type(chosen).model_fields:
        raise _no_difference("layers", chosen.method)
    for name in asked:
        if name not in type(chosen).model_fields:
            raise _no_difference(name, chosen.method)
    return chosen.changed(**asked)


def _no_difference(name: str, method: str) -> SettingsError:
    option, methods = {
        "layers": ("--layer", "adversarial, coral or mmd"),
        "seed": ("--seed", "adversarial, coral, mmd, adabn, restyled or oracle"),
    }[name]
    return SettingsError(
        f"{option} makes no difference here.",
        expected=f"one of the methods {methods} beside it",
        found=f"the method {method}",
        remedy=f"leave {option} out, or choose another --method",
    )


def _own_model(model: Path) -> OutputError:
    return OutputError(
        "The adapted model cannot be written over the one that it is made from.",
        expected="another folder than that of --model",
        found=f"{model} twice",
        remedy="choose another folder",
    )


def _source_missing(method: str) -> InputError:
    return InputError(
        f"The method {method} needs images of the microscope that the network learnt from.",
        expected="a folder of pairs or of images",
        found="no --source",
        remedy="name the folder with --source; only restyled pairs look at its stains",
    )
