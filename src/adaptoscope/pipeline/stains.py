"""Front door of stage 4: train a stain network on pairs, and predict with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from adaptoscope.errors import SettingsError, require_training
from adaptoscope.imageio.microscopy_image import image_of_array
from adaptoscope.pipeline.front_door import (
    DeviceName,
    FieldImages,
    GivenSettings,
    Pairs,
    Place,
    Plane,
    TrainedModel,
    has_pairs,
    open_images,
    open_pairs,
    path_of,
    settings_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from adaptoscope.translation.ensemble import StainEnsemble
    from adaptoscope.translation.predict_folder import PredictedFolder


def train_stain(
    out: Place,
    pairs: Pairs,
    *,
    modality: str | None = None,
    stain: Sequence[str] | None = None,
    settings: GivenSettings = None,
    steps: int | None = None,
    seed: int | None = None,
    device: DeviceName = "auto",
    root: Place | None = None,
    overwrite: bool = False,
) -> TrainedModel:
    """Train a network to predict stains from light microscopy, and write its model folder.

    An interrupted training goes on with the same call.

    Parameters
    ----------
    out
        Model folder to write.
    pairs
        Image pairs, as ``pairs.csv`` lists them. Of a set with splits, ``train`` is learnt from
        and ``val`` is measured.
    modality
        Only the pairs of this modality; needed where there are several.
    stain
        Names of the stains to predict; all by default.
    settings
        TranslationSettings: names and values, a YAML file, or an object.
    steps
        Training steps, at least 1; in place of those of the settings, 2000.
    seed
        In place of that of the settings, 0.
    device
        Where to train.
    root
        Further folder in which listed images may lie.
    overwrite
        Discard a run with other settings in `out`.

    Returns
    -------
    TrainedModel
        Can be given to `predict_stain`, `adapt_stain` and `evaluate_stain`.

    Raises
    ------
    InputError
        If there is nothing to learn from, or an image lacks a stain.
    """
    require_training("training a stain network")
    from adaptoscope.translation.settings import TranslationSettings

    chosen = settings_of(settings, TranslationSettings, steps=steps, seed=seed)
    listed = open_pairs(pairs, root=root)

    from adaptoscope.translation.model_folder import read_translator_record
    from adaptoscope.translation.train_pairs import select_modality, train_translator

    opened = select_modality(listed, modality)
    folder = train_translator(
        chosen, Path(out), pairs=opened, stains=stain, device=device, overwrite=overwrite
    )
    measured = read_translator_record(folder).measured
    if measured is None:
        said = "Not measured: no pair is in the split val. Nothing says how well it predicts."
        return TrainedModel(folder, None, said)
    names = [name for name in measured if name.endswith("_pearson")]
    figures = ", ".join(f"{name[:-8]} {measured[name]:.3f}" for name in names)
    said = f"Validation, {measured['n']:.0f} images: Pearson {figures}."
    return TrainedModel(folder, measured, said)


@overload
def predict_stain(
    model: Place | Sequence[Place],
    images: NDArray[np.generic],
    *,
    device: DeviceName = "auto",
) -> dict[str, NDArray[np.float32]]: ...


@overload
def predict_stain(
    model: Place | Sequence[Place],
    images: FieldImages,
    out: Place,
    *,
    device: DeviceName = "auto",
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
    overwrite: bool = False,
) -> PredictedFolder: ...


def predict_stain(
    model: Place | Sequence[Place],
    images: NDArray[np.generic] | FieldImages,
    out: Place | None = None,
    *,
    device: DeviceName = "auto",
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
    overwrite: bool = False,
) -> dict[str, NDArray[np.float32]] | PredictedFolder:
    """Predict the stains of one image in memory, or of a folder of images.

    Parameters
    ----------
    model
        A model folder; several give their mean and how far they disagree.
    images
        One channel of one image, shape (H, W): uint8 or uint16 counts of the bit depth that the
        network learnt from, or floats from 0 to 1, which count as 16-bit. Or a folder of images or
        of pairs, of which the images that are given are read.
    out
        Folder to write 16-bit TIFF files and ``predictions.csv`` into; for folders only.
    device
        Where the network runs.
    root, channel, z
        How the images of a folder are found and read.
    overwrite
        Predict anew what other networks have predicted into `out`.

    Returns
    -------
    dict or PredictedFolder
        Of an array: by name of the stain, shape (H, W), shares of the stored range; with several
        models also ``STAIN_uncertainty``, their standard deviation. Of a folder: how many images
        were predicted, and why others were not.

    Raises
    ------
    InputError
        If the image does not fit the network, or a folder cannot be read.
    """
    if isinstance(images, np.ndarray):
        if out is not None:
            raise SettingsError(
                "Stains of an array are returned, not written.",
                expected="no output folder beside an array",
                found=f"the folder {out}",
                remedy="leave it out, or name a folder of images",
            )
        return _predict_array(_ensemble(model, device), images)
    if out is None:
        raise SettingsError(
            "The stains of a folder of images need a place to be written.",
            expected="an output folder beside a folder of images",
            found="none",
            remedy="predict_stain(model, images, out), or give one image as an array",
        )
    if has_pairs(images):
        from adaptoscope.datasets.given_images import open_given_images

        pairs = open_pairs(images, root=root).folder
        opened = open_given_images(pairs, root=path_of(root), channel=channel, z=z)
    else:
        opened = open_images(images, root=root, channel=channel, z=z)  # type: ignore[arg-type]

    from adaptoscope.translation.predict_folder import predict_folder

    return predict_folder(_ensemble(model, device), opened, Path(out), overwrite=overwrite)


def _ensemble(model: Place | Sequence[Place], device: DeviceName) -> StainEnsemble:
    from adaptoscope.translation.ensemble import load_ensemble

    folders = [model] if isinstance(model, str | os.PathLike) else model
    return load_ensemble([Path(folder) for folder in folders], device=device)


def _predict_array(
    ensemble: StainEnsemble, array: NDArray[np.generic]
) -> dict[str, NDArray[np.float32]]:
    predicted = ensemble.predict(image_of_array(array))
    found = dict(zip(ensemble.stains, predicted.mean, strict=True))
    if predicted.deviation is not None:
        for stain, plane in zip(ensemble.stains, predicted.deviation, strict=True):
            found[f"{stain}_uncertainty"] = plane
    return found
