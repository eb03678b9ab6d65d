"""The command of stage 5: adapt a network to another microscope's images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from adaptoscope.cli.options import Channel, Device, OptionalSeed, Overwrite, Root, Z
from adaptoscope.cli.stain_train import has_pairs, read_images
from adaptoscope.errors import InputError, OutputError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptoscope.adaptation.auto_settings import AutoSettings
    from adaptoscope.adaptation.baseline_settings import MethodSettings

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
            "--method",
            help="Not given: one is chosen, see --layer. Or one of these; none and the others are "
            "there to compare with.",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            help="auto (if not given): restyled pairs, where no --method is named, and layers if "
            "the look of the target is not clear, with two seeds each; one way is chosen without "
            "labels. Or 1 to 16; several as 2,5. For adversarial, coral and mmd.",
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
            "RestyledSettings or OracleSettings, as the method needs; or of AutoSettings.",
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
    from adaptoscope.translation.train_pairs import one_modality
    from adaptoscope.translation.trained_model import load_translator

    if out.resolve() == model.resolve():
        raise _own_model(model)
    auto = _auto(settings, method, layer, seed)
    chosen = auto.adaptation if auto else _chosen(settings, method, layer, seed)
    if source is None and chosen.method in LOOK_AT_SOURCE:
        raise _source_missing(chosen.method)
    loaded = load_translator(model, device=str(start_fabric(device).device))
    how: dict[str, Any] = {"model": loaded, "device": device, "overwrite": overwrite}
    if isinstance(chosen, OracleSettings):
        pairs = one_modality(open_paired_stains(target, root=root), target_modality)
        typer.echo(fine_tune(chosen, out, pairs=pairs, **how))
        return
    if auto is None and isinstance(chosen, AdaptationSettings) and _is_automatic(settings, layer):
        auto = AutoSettings(adaptation=chosen, seeds=(chosen.seed, chosen.seed + 1))
        # Who names a method gets that method.
        if _names_method(settings, method):
            auto = auto.changed(restyling=None)
    taught = isinstance(chosen, RestyledSettings) or (auto is not None and bool(auto.restyling))
    if source is not None and chosen.method in LOOK_AT_SOURCE:
        names = tuple(loaded.record.stains)
        stained = isinstance(chosen, RestyledSettings) or _has_stains(source, root, modality, names)
        stains = names if taught and stained and has_pairs(source) else None
        how["source"] = read_images(source, modality, root, channel, z, stains)
    how["target"] = read_images(target, target_modality, root, channel, z)
    if auto is not None:
        if taught and any(field.stains is None for field in how["source"]):
            auto = auto.changed(restyling=None)
            typer.echo(f"{source} lacks stains: restyled pairs are not tried.", err=True)
        typer.echo(adapt_automatically(auto, out, **how))
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


def _has_stains(
    folder: Path, root: Path | None, modality: str | None, stains: "Sequence[str]"
) -> bool:
    """Tell whether every image to learn from is listed with every stain; none is opened."""
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.translation.fields import UNNAMED
    from adaptoscope.translation.train_pairs import one_modality, training_part

    if not has_pairs(folder):
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


def _auto(
    file: Path | None, method: str | None, layer: str | None, seed: int | None
) -> "AutoSettings | None":
    """Return the settings of the choice, where a file has them; None where it has others."""
    from adaptoscope.adaptation.auto_settings import AutoSettings
    from adaptoscope.adaptation.settings import AdaptationSettings
    from adaptoscope.training.settings import read_settings, settings_from

    values = {} if file is None else read_settings(file)
    own = sorted(
        values.keys() & (AutoSettings.model_fields.keys() - AdaptationSettings.model_fields)
    )
    layers = values.get("layers")
    if isinstance(layers, list) and any(isinstance(each, list) for each in layers):
        own.append("lists of layers")
    if not own:
        return None
    if method is not None or layer not in (None, AUTO) or seed is not None:
        raise SettingsError(
            "The settings file says how to choose; no other option can.",
            expected="no --method, --layer or --seed beside it",
            found=f"{', '.join(own)} in {file}",
            remedy="name layers, seeds and method (under adaptation) in the file",
        )
    return settings_from(values, AutoSettings, origin=str(file))


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
