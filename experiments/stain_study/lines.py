"""Runs of a study that differ only by their seed, as one line of its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptoscope.adaptation.layer_choice.scores import Way
from adaptoscope.metrics.intervals import mean_over_images
from adaptoscope.reporting.tables import number, with_bounds
from experiments.stain_study.one_run import RunTask, read_outcome

Outcome = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """Runs that differ only by their seed.

    Parameters
    ----------
    task
        The first of them.
    outcomes
        Of every seed.
    """

    task: RunTask
    outcomes: tuple[Outcome, ...]

    def values(self, split: str, stain: str) -> list[float]:
        """Return Pearson's correlation of every seed; NaN where it has none."""
        return [_number(outcome[split][stain]) for outcome in self.outcomes]

    def mean(self, split: str, stain: str) -> float:
        """Return the mean over seeds of `values`."""
        return float(np.mean(self.values(split, stain)))

    def on(self, splits: Sequence[str], stain: str) -> str:
        """Return `mean` of several splits as text."""
        return "  ".join(number(self.mean(split, stain), digits=3) for split in splits)

    def overall(self, split: str) -> float:
        """Return the mean over seeds and stains."""
        return float(np.mean([self.mean(split, stain) for stain in self.outcomes[0][split]]))

    @property
    def rank(self) -> float:
        """What the best of several is chosen by: the mean on val; NaN is the worst."""
        found = self.overall("val")
        return -np.inf if np.isnan(found) else found

    def with_interval(self) -> str:
        """Return the mean over seeds, stains and test fields with its interval over fields.

        Of a single field there is none; then the range over seeds stands in round brackets.
        """
        rows = [[_number(value) for value in outcome["test_fields"]] for outcome in self.outcomes]
        if not all(rows):
            return number(np.nan)
        found = mean_over_images(np.mean(rows, axis=0))
        if np.isnan(found.lower) and len(rows) > 1:
            by_seed = [float(np.nanmean(row)) for row in rows]
            low, high = (number(edge(by_seed), digits=3) for edge in (min, max))
            return f"{number(found.value, digits=3)} ({low} to {high})"
        return with_bounds(found.value, (found.lower, found.upper))

    def figure(self, name: str) -> float:
        """Return the mean over seeds of a figure of `stain evaluate` on test."""
        return float(np.mean([_number(each["figures"].get(name)) for each in self.outcomes]))

    def beyond(self, stain: str, name: str) -> float:
        """Return the mean over seeds of a figure beyond the mean cell; NaN where there is none."""
        found = [each["beyond_mean_cell"].get(stain, {}).get(name) for each in self.outcomes]
        return float(np.mean([_number(value) for value in found]))

    @property
    def marked(self) -> int:
        """Number of seeds that are told to have run away, without labels."""
        return sum(not outcome["healthy"] for outcome in self.outcomes)

    @property
    def layers(self) -> str:
        """The layers in words."""
        return ", ".join(str(layer) for layer in self.task.layers)

    @property
    def method(self) -> str:
        """The method in words."""
        if not self.task.restyled:
            return self.task.method
        taught = Way((), self.task.restyled).words
        return f"{taught}, then {self.task.method}" if self.task.layers else taught


def lines_of(tasks: Sequence[RunTask]) -> list[Line]:
    """Gather the runs that differ only by their seed."""
    grouped: dict[str, list[RunTask]] = {}
    for task in tasks:
        grouped.setdefault(task.name.rpartition("_seed")[0], []).append(task)
    return [
        Line(group[0], tuple(read_outcome(task) for task in group)) for group in grouped.values()
    ]


def _number(value: float | None) -> float:
    return np.nan if value is None else value
