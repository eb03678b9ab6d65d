"""The ways to adapt that are tried, before one of them is chosen."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from adaptoscope.adaptation.adapt_layers import adapt_translator
from adaptoscope.adaptation.adapted_model import choose_interval
from adaptoscope.adaptation.appearance_estimate import LookEstimate, estimate_look
from adaptoscope.adaptation.baseline_settings import (
    UNTOUCHED,
    BaselineSettings,
    RestyledSettings,
)
from adaptoscope.adaptation.baselines import adapt_without_learning
from adaptoscope.adaptation.collapse import METRICS, judge_run
from adaptoscope.adaptation.layer_choice.measures import (
    augmentation_consistency,
    choose_fields,
    measure_outputs,
    predict_outputs,
)
from adaptoscope.adaptation.layer_choice.scores import UNADAPTED, Candidate, Way
from adaptoscope.adaptation.layer_choice.settings import AutoSettings
from adaptoscope.adaptation.restyling import Contrast
from adaptoscope.adaptation.train_on_restyled import restyle_again, teach_restyled
from adaptoscope.training.progress import part_of
from adaptoscope.training.step_loop import Device
from adaptoscope.translation.fields import Field
from adaptoscope.translation.trained_model import StainModel, load_translator


class Trial:
    """Adapts in one way after the other into `folder`, and looks at what comes out."""

    def __init__(
        self,
        settings: AutoSettings,
        folder: Path,
        model: StainModel,
        source: Sequence[Field],
        target: Sequence[Field],
        device: Device,
    ) -> None:
        self.settings = settings
        self.candidates = folder
        self.model = model
        self.source = source
        self.target = target
        self.device: Device = device
        looked = choose_fields(source, settings.look_at)
        self.of_source = predict_outputs(model, looked)
        self.turned_source = augmentation_consistency(model, looked)
        self.looked = choose_fields(target, settings.look_at)

    def folder(self, way: Way, seed: int) -> Path:
        """Return where a network stands."""
        return self.candidates / (way.slug if way == UNADAPTED else f"{way.slug}_seed{seed}")

    def measure_unadapted(self) -> Candidate:
        """Return the network as every adaptation finds it: only intensities are measured anew."""
        how = BaselineSettings(method=UNTOUCHED[self.settings.adaptation.intensities])
        folder = self.folder(UNADAPTED, 0)
        adapt_without_learning(
            how, folder, model=self.model, source=self.source, target=self.target
        )
        before = self._load(folder)
        said = predict_outputs(before, self.looked)
        measures = measure_outputs(before, said, self.looked, self.of_source, self.turned_source)
        return Candidate(UNADAPTED, [said], [measures], [True], votes=False)

    def match_layers(self, way: Way) -> Candidate:
        """Match layers, of the source network or of one that learnt from restyled pairs."""
        for seed in self.settings.seeds:
            how = self.settings.adaptation.changed(layers=way.layers, seed=seed)
            model, source = self.model, self.source
            if way.restyled:
                taught = self.folder(Way((), way.restyled), seed)
                model, source = self._load(taught), restyle_again(taught, source, self.target)
                how = how.changed(intensities="source")
            with part_of(f"seed {seed}"):
                adapt_translator(
                    how,
                    self.folder(way, seed),
                    model=model,
                    source=source,
                    target=self.target,
                    device=self.device,
                )
        return self._candidate(way)

    def contrasts(self) -> tuple[Contrast, ...]:
        """Return the contrasts of restyled pairs that are tried, the likelier one first."""
        asked = self._restyling.contrast
        return self.look.plausible if asked == "auto" else (asked,)

    def learn_restyled(self, contrast: Contrast) -> Candidate:
        """Learn from restyled pairs."""
        for seed in self.settings.seeds:
            with part_of(f"seed {seed}"):
                teach_restyled(
                    self._restyling.changed(contrast=contrast, seed=seed),
                    self.folder(Way((), contrast), seed),
                    model=self.model,
                    source=self.source,
                    target=self.target,
                    look=self.look,
                    device=self.device,
                )
        return self._candidate(Way((), contrast), clear=self.look.plausible == (contrast,))

    @functools.cached_property
    def look(self) -> LookEstimate:
        """What the target looks like."""
        how = self._restyling
        interval = choose_interval(how.intensities, self.model, self.target)
        return estimate_look(
            self.model.network, interval, self.source, self.target, scale=how.scale
        )

    @property
    def _restyling(self) -> RestyledSettings:
        own = self.settings.adaptation.intensities
        how = self.settings.restyling or RestyledSettings()
        return how.changed(intensities="source" if own == "source" else "own")

    def _candidate(self, way: Way, *, clear: bool = False) -> Candidate:
        outputs, measures, healthy = [], [], []
        looked = self.settings.criterion == "look" and not way.restyled
        unmatched_magnification = self.look.magnification if looked else 1.0
        passed = way.layers if self.settings.adaptation.skips == "adapted" else ()
        for seed in self.settings.seeds:
            folder = self.folder(way, seed)
            adapted = self._load(folder)
            said = predict_outputs(adapted, self.looked)
            outputs.append(said)
            measures.append(
                measure_outputs(adapted, said, self.looked, self.of_source, self.turned_source)
            )
            verdict = judge_run(
                folder / METRICS,
                measures[-1],
                unmatched_magnification=unmatched_magnification,
                layers=passed,
            )
            healthy.append(verdict.healthy)
        return Candidate(way, outputs, measures, healthy, clear=clear)

    def _load(self, folder: Path) -> StainModel:
        return load_translator(folder, device=str(next(self.model.network.parameters()).device))
