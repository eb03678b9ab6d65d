"""What all ways of adapting share: which images they take, and what they say of the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from adaptoscope.errors import InputError
from adaptoscope.pretrained.weights_files import hash_of_network
from adaptoscope.translation.fields import Field, hash_of
from adaptoscope.translation.intensities import IntensityInterval, measure_interval
from adaptoscope.translation.model_folder import AdaptedFrom, TranslatorRecord
from adaptoscope.translation.trained_model import StainModel


def check_domain(model: StainModel, fields: Sequence[Field], name: str) -> None:
    """Refuse images that do not fit a network.

    Parameters
    ----------
    name
        Which, for the message: ``source`` or ``target``.
    """
    expected = model.record.intensities.bit_depth
    found = sorted({field.bit_depth for field in fields})
    if found != [expected]:
        said = " and ".join(f"{depth}-bit images" for depth in found) or "no image"
        raise InputError(
            f"The {name} images do not fit the model {model.name}.",
            expected=f"{expected}-bit images, as those that it learnt from",
            found=said,
            remedy="save them in that bit depth again, or convert them (8 bits x 257 is 16)",
        )


def check_model(model: StainModel) -> None:
    """Refuse a network of which an adaptation would lose something."""
    if model.record.adapted is not None and model.record.adapted.skips == "source":
        raise InputError(
            f"The model {model.name} cannot be adapted.",
            expected="a network with skips of its own",
            found="one that was adapted with skips: frozen_source",
            remedy="adapt the network that it was made from: the folder of `stain train`",
        )
    kind = model.record.preparation.kind
    if kind != "constants":
        raise InputError(
            f"The model {model.name} cannot be adapted.",
            expected="a network that sees images by the constants of a data set",
            found=f"images prepared by the method {kind}",
            remedy="adapt the network that it was made from: the folder of `stain train`",
        )


def interval_of(
    choice: Literal["own", "source"], model: StainModel, target: Sequence[Field]
) -> IntensityInterval:
    """Return the intensities of target images that become -1 and 1.

    Parameters
    ----------
    choice
        Whether they are the target's own, or the constants of the source set.
    """
    if choice == "source":
        return model.record.intensities.given
    return measure_interval(field.pixels for field in target)


def names_by_hash(fields: Sequence[Field]) -> dict[str, str]:
    """Return the names of images under the SHA-256 of their decoded pixels."""
    return {hash_of(field): field.name for field in fields}


def adapted_record(
    model: StainModel,
    target: Sequence[Field],
    *,
    method: str,
    learnt_from: dict[str, str],
    interval: IntensityInterval,
    layers: tuple[int, ...] = (),
    skips: Literal["own", "source"] = "own",
    **changes: Any,
) -> TranslatorRecord:
    """Return what is known of an adapted network.

    Parameters
    ----------
    learnt_from
        Names of the images that were looked at, under their hashes.
    interval
        Intensities of target images that become -1 and 1.
    """
    record = model.record
    modalities = {each.modality for field in target for each in field.records}
    before = record.adapted
    origin = AdaptedFrom(
        source=model.name,
        source_sha256=hash_of_network(model.network),
        method=method if before is None else f"{before.method}, then {method}",
        layers=layers,
        skips=skips,
        reads_stains=method == "oracle" or (before is not None and before.reads_stains),
        target_modality=modalities.pop() if len(modalities) == 1 else None,
    )
    return record.changed(
        intensities=record.intensities.changed(given=interval),
        measured=None,
        modality=None,
        adapted=origin,
        training_images=record.training_images | learnt_from,
        **changes,
    )
