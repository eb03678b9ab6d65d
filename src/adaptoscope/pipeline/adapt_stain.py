"""Front door of stage 5: adapt a stain network to another microscope, by any method."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.errors import InputError, OutputError, SettingsError, require_training
from adaptoscope.pipeline.front_door import (
    DeviceName,
    FieldImages,
    GivenSettings,
    Place,
    Plane,
    has_pairs,
    open_images,
    open_pairs,
    values_of,
)

if TYPE_CHECKING:
    from adaptoscope.adaptation.layer_choice.settings import AutoSettings
    from adaptoscope.translation.fields import Field


@dataclass(frozen=True)
class AdaptedStain:
    """A network that was adapted; it can stand wherever a model folder is asked for.

    Parameters
    ----------
    folder
        Its model folder.
    way
        How it was adapted, in words.
    scores
        Of every way that was tried, higher for the better; empty where none was chosen.
    summary
        What was chosen, in a sentence; empty where nothing was.
    """

    folder: Path
    way: str
    scores: Mapping[str, float | None]
    summary: str

    def __fspath__(self) -> str:
        """Return the folder."""
        return str(self.folder)


def adapt_stain(
    model: Place,
    source: FieldImages | None,
    target: FieldImages,
    out: Place,
    *,
    method: str = "auto",
    layer: str | None = None,
    settings: GivenSettings = None,
    modality: str | None = None,
    target_modality: str | None = None,
    seed: int | None = None,
    device: DeviceName = "auto",
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
    overwrite: bool = False,
) -> AdaptedStain:
    """Adapt a network to another microscope without that microscope's stains.

    An interrupted adaptation goes on with the same call.

    Parameters
    ----------
    model
        Model folder of `train_stain`.
    source
        Images of the microscope that it learnt from, with their stains if there are any; None
        for methods that do not look at them.
    target
        Images of the other microscope; only ``oracle`` looks at their stains.
    out
        Model folder to write.
    method
        ``auto`` tries restyled pairs and, where the look of the target is not clear, layers, and
        chooses without labels. ``adversarial``, ``coral`` and ``mmd`` learn the first layers anew;
        ``restyled`` learns from source pairs in the look of the target. The others are there to
        compare with: ``none``, ``own_range``, ``per_image``, ``histogram``, ``adabn``, ``oracle``.
    layer
        For ``adversarial``, ``coral`` and ``mmd``: 1 to 16, several as ``"2,5"``; ``auto`` or None
        choose.
    settings
        Of the method, or of the choice: names and values, a YAML file, or a settings object.
    modality, target_modality
        Only pairs of this modality.
    seed
        In place of that of the settings, 0.
    device
        Where to train.
    root, channel, z
        How the images are found and read.
    overwrite
        Discard a run with other settings or images in `out`.

    Returns
    -------
    AdaptedStain
        Can be given to `predict_stain` and `evaluate_stain`.

    Warns
    -----
    UserWarning
        If restyled pairs are not tried, as the source lacks stains.

    Raises
    ------
    InputError
        If a set that is needed is missing or does not fit the network.
    SettingsError
        If a setting is unknown or makes no difference to the method.
    OutputError
        If `out` is the folder of the model, or holds something else.
    """
    require_training("adapting a stain network")
    from adaptoscope.adaptation.baseline_settings import OracleSettings, RestyledSettings
    from adaptoscope.adaptation.layer_choice.settings import AutoSettings
    from adaptoscope.adaptation.methods import METHODS, choose_settings
    from adaptoscope.translation.model_folder import read_translator_record

    model, out = Path(model), Path(out)
    if out.resolve() == model.resolve():
        raise _own_model(model)
    values, origin = values_of(settings)
    chosen = choose_settings(values, method=method, layer=layer, seed=seed, origin=origin)
    name = chosen.adaptation.method if isinstance(chosen, AutoSettings) else chosen.method
    needs_source = "source" in METHODS[name].looks_at
    if source is None and needs_source:
        raise _source_missing(name)
    seen = _open(
        target, target_modality, root, channel, z, pairs=isinstance(chosen, OracleSettings)
    )
    read_translator_record(model)
    known = None
    if source is not None and needs_source:
        known = _open(source, modality, root, channel, z)

    from adaptoscope.adaptation.layer_choice.choose import read_choice
    from adaptoscope.adaptation.methods import adapt_by_method
    from adaptoscope.training.step_loop import start_fabric
    from adaptoscope.translation.train_pairs import select_modality
    from adaptoscope.translation.trained_model import load_translator

    loaded = load_translator(model, device=str(start_fabric(device).device))
    images: dict[str, object] = {}
    if isinstance(chosen, OracleSettings):
        images["pairs"] = select_modality(seen, target_modality)  # type: ignore[arg-type]
    else:
        if known is not None:
            known = _part(known, modality)
            if isinstance(chosen, AutoSettings) and chosen.restyling is not None:
                chosen = _without_missing_stains(chosen, known, loaded.record.stains)
            taught = isinstance(chosen, RestyledSettings) or (
                isinstance(chosen, AutoSettings) and chosen.restyling is not None
            )
            images["source"] = _read_fields(known, loaded.record.stains if taught else None)
        images["target"] = _read_fields(_part(seen, target_modality), None)
    adapt_by_method(chosen, out, model=loaded, device=device, overwrite=overwrite, **images)
    if not isinstance(chosen, AutoSettings):
        return AdaptedStain(out, name, {}, "")
    way, scores = read_choice(out)
    said = f"Chosen among {len(scores)} ways, without labels: {way}."
    if way == "unadapted":
        said = f"None of {len(scores) - 1} ways seems better than the network as it was; only "
        said += "intensities were measured anew."
    return AdaptedStain(out, way, scores, said)


def sweep_stain(
    out: Place,
    settings: Place,
    *,
    device: DeviceName = "auto",
    workers: int = 1,
    overwrite: bool = False,
) -> Path:
    """Adapt one network in many ways: layers, step sizes, seeds, shifts; curves and a report.

    Parameters
    ----------
    out
        Run folder.
    settings
        YAML file of a stain_study, as in ``experiments/layer_matching/``; needs a clone of the
        project, which holds the code of studies.
    device
        Where networks run.
    workers
        Processes; the results are the same for any number.
    overwrite
        Begin anew.

    Returns
    -------
    Path
        The report.
    """
    require_training("a sweep")
    from adaptoscope.pipeline.run import load_experiment, run

    study = load_experiment(Path(settings))
    if getattr(study, "kind", "") != "stain_study":
        raise SettingsError(
            f"The file {settings} describes no sweep.",
            expected="kind: stain_study",
            found=type(study).__name__,
            remedy="compare with a file in experiments/layer_matching/, or use `adaptoscope run`",
        )
    return run(study, Path(out), device=device, workers=workers, overwrite=overwrite)


def _open(
    images: FieldImages,
    modality: str | None,
    root: Place | None,
    channel: int | None,
    z: Plane,
    *,
    pairs: bool = False,
) -> PairedStainSet | CountedImageSet:
    """Open pairs, or plain images unless it has to be `pairs`; no image is read."""
    if pairs or isinstance(images, PairedStainSet) or has_pairs(images):
        return open_pairs(images, root=root)
    if modality is not None:
        raise InputError(
            f"The images of {images} have no modality.",
            expected="a folder with pairs.csv, which names one for each image",
            found=f"the modality {modality}, and no pairs.csv",
            remedy="leave --modality or --target-modality out, or name the folder of the pairs",
        )
    return open_images(images, root=root, channel=channel, z=z)


def _part(
    images: PairedStainSet | CountedImageSet, modality: str | None
) -> PairedStainSet | CountedImageSet:
    """Return what is learnt from: the split train, of pairs those of one modality."""
    from adaptoscope.translation.train_pairs import select_modality, training_part

    if isinstance(images, CountedImageSet):
        return images.training_part()
    return training_part(select_modality(images, modality))


def _read_fields(
    images: PairedStainSet | CountedImageSet, stains: Sequence[str] | None
) -> Sequence[Field]:
    """Read images, of pairs with the stains that are named; None opens no stain."""
    from adaptoscope.translation.fields import fields_of_images, read_fields

    if isinstance(images, CountedImageSet):
        return fields_of_images(images)
    return read_fields(images, stains, truth=stains is not None)


def _without_missing_stains(
    settings: AutoSettings, source: PairedStainSet | CountedImageSet, stains: Sequence[str]
) -> AutoSettings:
    """Leave restyled pairs out of a choice where a source image is not listed with every stain."""
    from adaptoscope.translation.fields import UNNAMED

    listed: dict[str, set[str]] = {}
    if isinstance(source, PairedStainSet):
        for record in source:
            listed.setdefault(record.input, set()).add(record.stain or UNNAMED)
    if listed and all(names >= set(stains) for names in listed.values()):
        return settings
    warnings.warn(
        f"{source.folder} lacks stains: restyled pairs are not tried", UserWarning, stacklevel=3
    )
    return settings.changed(restyling=None)


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
