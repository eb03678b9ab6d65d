"""Whether an adaptation ran away, told without labels.

Paper 2 keeps learning rates at which the generator's loss stays bounded for every layer (section
4.1). That misses networks that invent plausible stains, so outputs are looked at too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.imageio.csv_tables import read_table

METRICS = "metrics.csv"
"""Where a run folder keeps the losses of its training."""

HIGHEST_LOSS = 5.0
"""Mean loss of the adapted layers over the last third, about seven times ln 2."""

SUREST = 0.99
"""Share of right answers of the discriminators over the last third."""

LEAST_SPREAD = 0.2
"""How much outputs differ from field to field, relative to the source domain."""

LEAST_CONTRAST = 0.05
"""How much outputs vary within a field, relative to the source domain."""

LEAST_AGREEMENT = 0.89
"""How well a network agrees with itself on turned images, relative to the source network on source
images. Networks that invent stains do so by the grain of what they see, which turning changes."""

MOST_ALIKE = 0.98
"""Mean correlation of outputs of different fields, where source outputs are not as alike."""

COARSEST = range(6, 11)
"""Layers whose features hold at most 4 x 4 places of a crop of 256 pixels. What is matched there
says little of what the skips of the adapted layers before them carry past."""

_COLUMNS = {
    "generator_loss": "deceit",
    "discriminator_loss": "judge",
    "discriminator_accuracy": "right",
    "distance": "distance",
    "l1": "l1",
}
"""Columns of metrics.csv, and what earlier versions called them."""


@dataclass(frozen=True)
class HealthVerdict:
    """Whether an adapted network may be used; `reasons` say what is wrong with it."""

    reasons: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.reasons


def judge_run(
    metrics: Path,
    measures: Mapping[str, float],
    *,
    unmatched_magnification: float = 1.0,
    layers: Sequence[int] = (),
) -> HealthVerdict:
    """Judge a finished adaptation.

    Parameters
    ----------
    metrics
        Its ``metrics.csv``; absent where nothing was learnt.
    measures
        Of its outputs, as `measure_outputs` returns them; NaN where a single field tells nothing.
    unmatched_magnification
        The magnification of the target, as `estimate_look` believes it, where layers were matched
        and nothing else. Features of cells of another size are matched as readily, to the wrong
        ones.
    layers
        Those that were matched, where the skips past them come from adapted layers and are not
        matched themselves.
    """
    rows = read_table(metrics).rows if metrics.exists() else ()
    columns = {
        name: [float(value) for row in rows if (value := row.get(name) or row.get(earlier))]
        for name, earlier in _COLUMNS.items()
    }
    found = [*_of_training(columns), *_of_outputs(measures)]
    if unmatched_magnification != 1:
        found.append(
            f"the target is magnified {unmatched_magnification:.2f} times, and layers alone matched"
        )
    if layers and all(layer in COARSEST for layer in layers):
        found.append("layers are matched that hold too little of what skips carry past them")
    return HealthVerdict(tuple(found))


def _of_training(columns: Mapping[str, Sequence[float]]) -> list[str]:
    found = []
    if not all(math.isfinite(value) for values in columns.values() for value in values):
        found.append("a loss is not a number")
        return found
    losses = _last_third(columns["generator_loss"])
    accuracies = _last_third(columns["discriminator_accuracy"])
    if losses and sum(losses) / len(losses) > HIGHEST_LOSS:
        found.append(f"the loss of the adapted layers stays above {HIGHEST_LOSS:g}")
    if accuracies and sum(accuracies) / len(accuracies) > SUREST:
        found.append("the discriminator is always right")
    return found


def _of_outputs(measures: Mapping[str, float]) -> list[str]:
    if not measures["finite"]:
        return ["outputs are not numbers"]
    found = []
    if measures["contrast"] < LEAST_CONTRAST:
        found.append("outputs show hardly anything")
    spread = measures["spread"]
    if spread < LEAST_SPREAD:
        found.append("outputs hardly differ from field to field")
    alike, usual = measures["mutual"], measures["mutual_source"]
    if alike > max(MOST_ALIKE, usual + (1 - usual) / 2):
        found.append("outputs of different fields are alike")
    if measures["turned"] < LEAST_AGREEMENT * measures["turned_source"]:
        found.append("turned images give other stains")
    return found


def _last_third(values: Sequence[float]) -> Sequence[float]:
    return values[-max(1, len(values) // 3) :] if values else values
