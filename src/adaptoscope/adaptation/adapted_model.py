"""What all ways of adapting share: which images they take, and what they say of the result."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from adaptoscope.errors import InputError
from adaptoscope.pretrained.weights_files import hash_of_network
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, Logged, run_steps, start_fabric
from adaptoscope.translation.fields import Field, hash_of
from adaptoscope.translation.finish import translator_card
from adaptoscope.translation.intensities import IntensityInterval, measure_interval
from adaptoscope.translation.model_folder import MODEL_FILES, AdaptedFrom, TranslatorRecord
from adaptoscope.translation.trained_model import StainModel, write_translator
from adaptoscope.translation.unet import StainUNet

_CLEARLY = 0.1
"""Nearer by so much of the model's range counts as nearer."""


class TrainingStep(Protocol):
    """One step of a training, and what its checkpoints hold."""

    @property
    def state(self) -> Mapping[str, Stateful]:
        """Networks and optimisers by name."""
        ...

    def __call__(self, index: int) -> Logged:
        """Take step `index` and return its losses."""
        ...


class AdaptationRun:
    """One adaptation, from its run folder to the model folder that this becomes.

    The settings name the method under ``method``. `images` are the names of the images that are
    learnt from under the SHA-256 of their pixels, `stains` the hashes of stains.
    """

    def __init__(
        self,
        settings: Any,
        out: Path,
        model: StainModel,
        images: Mapping[str, str],
        *,
        stains: Iterable[str] = (),
        device: Device = "auto",
        overwrite: bool = False,
    ) -> None:
        self.settings = settings
        self.out = out
        self.model = model
        self.images = dict(images)
        self.fabric = start_fabric(device)
        self.folder = RunFolder.open(out, settings, overwrite=overwrite, parts=MODEL_FILES)
        self.folder.keep_inputs([hash_of_network(model.network), *images, *stains])
        self.finished = (out / "model.json").exists()
        if not self.finished:
            self.folder.record_environment(self.fabric.device)

    def train(self, step: TrainingStep, name: str) -> None:
        """Take the steps of the settings; a killed run goes on where it stopped."""
        run_steps(
            step,
            steps=self.settings.steps,
            state=step.state,
            run=self.folder,
            save_every=self.settings.save_every,
            log_every=self.settings.log_every,
            description=f"stain adapt, {name}",
            seed=self.settings.seed,
        )

    def record(
        self,
        target: Sequence[Field],
        interval: IntensityInterval,
        *,
        learnt_from: dict[str, str] | None = None,
        layers: tuple[int, ...] = (),
        skips: Literal["own", "source"] = "own",
        **changes: Any,
    ) -> TranslatorRecord:
        """Return what is known of the adapted network; `interval` becomes -1 and 1 of its images.

        `learnt_from` stands for the images of the run where these were changed first.
        """
        model, method = self.model, self.settings.method
        record, before = model.record, model.record.adapted
        modalities = {each.modality for field in target for each in field.records}
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
            training_images=record.training_images | (learnt_from or self.images),
            **changes,
        )

    def write(self, record: TranslatorRecord, network: StainUNet, taught: str) -> Path:
        """Write the model folder; `taught` says in its card what was learnt from."""
        write_translator(self.out, record, network, card=translator_card(record, taught))
        self.folder.drop_checkpoint()
        return self.out


def check_domain(model: StainModel, fields: Sequence[Field], name: str) -> None:
    """Refuse images that do not fit a network; `name` is ``source`` or ``target``."""
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


def check_domains(
    model: StainModel, source: Sequence[Field], target: Sequence[Field]
) -> dict[str, str]:
    """Refuse sets that are empty, of another bit depth, or exchanged; return all names by hash.

    Warns if both sets are the same images; or if no image is known to the network, and the
    intensities of the target are clearly nearer to those of its training than those of the source
    are.
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


def choose_interval(
    choice: Literal["own", "source"], model: StainModel, target: Sequence[Field]
) -> IntensityInterval:
    """Return what becomes -1 and 1: percentiles of the target, or the constants of the source."""
    if choice == "source":
        return model.record.intensities.given
    return measure_interval(field.pixels for field in target)


def names_by_hash(fields: Sequence[Field]) -> dict[str, str]:
    """Return the names of images under the SHA-256 of their decoded pixels."""
    return {hash_of(field): field.name for field in fields}


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
