"""What is checked before an adaptation: that source is the source, and target the target."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from adaptoscope.adaptation.adapted_model import check_domain, names_by_hash
from adaptoscope.errors import InputError
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, measure_interval
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.trained_model import StainModel

_CLEARLY = 0.1
"""Nearer by so much of the model's range counts as nearer."""


def check_domains(
    model: StainModel, source: Sequence[Field], target: Sequence[Field]
) -> dict[str, str]:
    """Refuse sets that are empty, of another bit depth, or exchanged.

    Parameters
    ----------
    source, target
        Fields of both domains.

    Returns
    -------
    dict
        From the hash of every image's pixels to its name.

    Warns
    -----
    UserWarning
        If both sets are the same images; or if no image is known to the network, and the
        intensities of the target are clearly nearer to those of its training than the intensities
        of the source are.
    """
    check_domain(model, source, "source")
    check_domain(model, target, "target")
    hashes = [names_by_hash(fields) for fields in (source, target)]
    known = model.record.training_images.keys()
    of_source, of_target = (sum(sha in known for sha in images) for images in hashes)
    # A network that was adapted has seen both domains.
    if of_target and not of_source and model.record.adapted is None:
        raise InputError(
            "Source and target seem to be exchanged.",
            expected=f"source: images of the microscope that {model.name} learnt from",
            found=f"{of_target} of its training images among the target, none among the source",
            remedy="exchange --source and --target",
        )
    if hashes[0].keys() == hashes[1].keys():
        warnings.warn(
            "source and target are the same images: there is nothing to adapt to",
            UserWarning,
            stacklevel=2,
        )
    elif not of_source and not of_target:
        _warn_if_target_is_nearer(model.record, source, target)
    return hashes[0] | hashes[1]


def _warn_if_target_is_nearer(
    record: TranslatorRecord, source: Sequence[Field], target: Sequence[Field]
) -> None:
    usual = record.intensities.given
    away = [
        _distance(usual, measure_interval(field.pixels for field in fields))
        for fields in (source, target)
    ]
    if away[1] < away[0] - _CLEARLY:
        warnings.warn(
            "the target's intensities are nearer to those that the network learnt from than the "
            "source's are: check that source and target are not exchanged",
            UserWarning,
            stacklevel=3,
        )


def _distance(usual: IntensityInterval, found: IntensityInterval) -> float:
    span = usual.high - usual.low
    return (abs(found.low - usual.low) + abs(found.high - usual.high)) / span
