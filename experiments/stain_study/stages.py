"""What a study works with: pairs, the source network, shifted sets. All of it stands on disk."""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptoscope.adaptation.adapted_model import choose_interval
from adaptoscope.adaptation.appearance_estimate import (
    LookEstimate,
    describe_look,
    estimate_look,
    from_description,
)
from adaptoscope.adaptation.shifts.shift_set import write_shifted
from adaptoscope.datasets.paired_stains import PairedStainSet, open_paired_stains
from adaptoscope.imageio.files import write_json
from adaptoscope.simulation.transmitted.write import simulate_pairs
from adaptoscope.training.path_variables import expand_path
from adaptoscope.training.progress import progress, progress_display
from adaptoscope.training.step_loop import Device, start_fabric
from adaptoscope.translation.fields import Field, read_fields
from adaptoscope.translation.model_folder import read_translator_record
from adaptoscope.translation.train_pairs import train_translator
from adaptoscope.translation.trained_model import StainModel, load_translator
from experiments.stain_study.pair_parts import FieldPart, write_parts
from experiments.stain_study.settings import (
    PairsFolder,
    PairsParts,
    StainStudySettings,
    StudyShift,
)


@dataclass(frozen=True)
class StudyStages:
    """The parts of a study by name.

    Parameters
    ----------
    settings
        The study.
    folder
        Its run folder.
    """

    settings: StainStudySettings
    folder: Path

    def prepare(self, device: Device) -> None:
        """Make the pairs, the source network and the shifted sets, unless they stand already."""
        pairs = self._pairs()
        train_translator(
            self.settings.training,
            self.folder / "source",
            pairs=self._learnt(pairs.select(modality=self.settings.modality)),
            stains=self.settings.stains,
            device=device,
        )
        for shift in self.settings.shifts:
            if shift.shift is None:
                continue
            chosen = pairs.select(modality=shift.modality or self.settings.modality)
            number = len({record.input for record in chosen})
            with progress_display(f"shift, {shift.name}", number) as advance:
                write_shifted(chosen, self._shifted(shift), shift.shift, on_image=advance)
        if self.settings.restyled:
            model = self.model(str(start_fabric(device).device))
            for shift in progress(self.settings.shifts, "look"):
                self._estimate(shift, model)

    def _learnt(self, pairs: PairedStainSet) -> PairedStainSet:
        """Return what the source network learns from and is measured on."""
        if self.settings.shared_fields or self.settings.target_split is not None:
            return pairs
        return _halved(pairs, first=True)

    def look(self, shift: StudyShift) -> LookEstimate:
        """Read what the target of a shift looks like."""
        return from_description(json.loads(self._look(shift).read_text("utf-8")))

    def _estimate(self, shift: StudyShift, model: StainModel) -> None:
        path = self._look(shift)
        if path.exists():
            return
        target = self.target_fields(shift, "train", truth=False)
        interval = choose_interval(
            "source" if shift.intensities == "source" else "own", model, target
        )
        source = self.source_fields("train", truth=False)
        scale = self.settings.restyling.scale
        look = estimate_look(model.network, interval, source, target, scale=scale)
        path.parent.mkdir(exist_ok=True)
        write_json(path, describe_look(look))

    def _look(self, shift: StudyShift) -> Path:
        return self.folder / "looks" / f"{shift.name}.json"

    def model(self, device: str) -> StainModel:
        """Read the source network."""
        return load_translator(self.folder / "source", device=device)

    def source_fields(self, split: str, *, truth: bool) -> list[Field]:
        """Read source fields; of ``train`` those that the target does not show."""
        fields = self._fields(self._opened(), self.settings.modality, split, truth=truth)
        halved = split == "train" and self.settings.target_split is None
        return fields[: (len(fields) + 1) // 2] if halved else fields

    def target_fields(self, shift: StudyShift, split: str, *, truth: bool) -> list[Field]:
        """Read target fields; those of the target as ``train``."""
        pairs = self.target_pairs(shift).select(split=split)
        return read_fields(pairs, self._stains, truth=truth)

    def target_pairs(self, shift: StudyShift) -> PairedStainSet:
        """Return the pairs of the target domain, those of its own split as ``train``."""
        if shift.shift is None:
            modality = shift.modality or self.settings.modality
            pairs = self._opened().select(modality=modality)
        else:
            pairs = open_paired_stains(self._shifted(shift))
        own = self.settings.target_split
        if own is not None:
            pairs.select(split=own)
            return pairs.with_records(
                dataclasses.replace(record, split="train") if record.split == own else record
                for record in pairs
                if record.split != "train"
            )
        return _halved(pairs, first=False)

    def _fields(
        self, pairs: PairedStainSet, modality: str, split: str, *, truth: bool
    ) -> list[Field]:
        chosen = pairs.select(split=split, modality=modality)
        return read_fields(chosen, self._stains, truth=truth)

    @functools.cached_property
    def _stains(self) -> tuple[str, ...]:
        """Stains in the order of the network's channels, whatever that of a table."""
        return read_translator_record(self.folder / "source").stains

    def _shifted(self, shift: StudyShift) -> Path:
        return self.folder / "shifts" / shift.name

    def _opened(self) -> PairedStainSet:
        if isinstance(self.settings.pairs, PairsFolder):
            return open_paired_stains(expand_path(self.settings.pairs.folder))
        return open_paired_stains(self.folder / "pairs")

    def _pairs(self) -> PairedStainSet:
        origin = self.settings.pairs
        if isinstance(origin, PairsFolder):
            return self._opened()
        if isinstance(origin, PairsParts):
            whole = open_paired_stains(expand_path(origin.folder))
            parts = [FieldPart(**part.model_dump()) for part in origin.parts]
            with progress_display("cut", None) as advance:
                return write_parts(
                    whole,
                    self.folder / "pairs",
                    parts,
                    modality=origin.modality,
                    on_image=advance,
                )
        modalities: list[Any] = [self.settings.modality]
        modalities += [shift.modality for shift in self.settings.shifts if shift.modality]
        with progress_display("simulate", origin.fields, unit="field") as advance:
            return simulate_pairs(
                self.folder / "pairs",
                origin.settings,
                count=origin.fields,
                seed=origin.seed,
                modalities=tuple(dict.fromkeys(modalities)),
                fractions=origin.fractions,
                on_image=advance,
            )


def _halved(pairs: PairedStainSet, *, first: bool) -> PairedStainSet:
    """Return a set of one modality with the first or the second half of the fields of `train`."""
    train = list(dict.fromkeys(record.input for record in pairs if record.split == "train"))
    middle = (len(train) + 1) // 2
    shown = set(train[:middle] if first else train[middle:])
    return pairs.with_records(
        record for record in pairs if record.split != "train" or record.input in shown
    )
