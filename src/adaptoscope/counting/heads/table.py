"""Every kind of counter in one table, which commands, settings, experiments and the app read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptoscope.counting.heads.classical import FittedKind
from adaptoscope.counting.heads.density import Centres, FcrnA
from adaptoscope.counting.heads.kind import CounterKind, Head, TrainedKind
from adaptoscope.counting.heads.regressor import Regressor
from adaptoscope.errors import InputError

if TYPE_CHECKING:
    from adaptoscope.counting.settings import CountingSettings

_BASELINES = "adaptoscope.counting.baselines"

KINDS: list[CounterKind] = [
    Centres(),
    Regressor(),
    FcrnA(),
    FittedKind("dog", "cells", f"{_BASELINES}:DogCounter"),
    FittedKind("otsu_watershed", "cells", f"{_BASELINES}:OtsuWatershedCounter"),
    FittedKind("constant", "number", f"{_BASELINES}:ConstantCounter"),
]
"""Every kind, the default first."""


def kind_of(kind: str) -> CounterKind:
    """Return a kind by its name in ``model.json``."""
    found = next((each for each in KINDS if each.kind == kind), None)
    if found is None:
        raise InputError(
            f"There is no kind of counter {kind[:80]!r}.",
            expected=", ".join(each.kind for each in KINDS),
            remedy="take the version that wrote the folder, or train it again",
        )
    return found


def kind_of_head(head: str) -> CounterKind:
    """Return a kind by what ``--head`` and settings call it."""
    return next(each for each in KINDS if each.head == head)


def trained_kind(name: str) -> TrainedKind:
    """Return a kind that is trained by what settings or ``model.json`` call it."""
    trained = [each for each in KINDS if isinstance(each, TrainedKind)]
    return next(each for each in trained if name in (each.head, each.kind))


def build_head(settings: CountingSettings) -> Head:
    """Make the network of some settings, with the initial weights that were asked for.

    Raises
    ------
    MissingWeightsError
        If the weights are not on this machine and cannot be had.
    InputError
        If a file does not fit the network.
    SettingsError
        If there are no such weights for this head.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        head = trained_kind(settings.head).head_to_train(settings)
    head.network.to(memory_format=torch.channels_last)
    return head


def trained_heads() -> tuple[str, ...]:
    """Return the names of the networks that are trained."""
    return tuple(each.head for each in KINDS if each.is_trained)


def classical_counters() -> tuple[str, ...]:
    """Return the names of the counters that need neither training nor a fit."""
    return tuple(each.head for each in KINDS if each.is_classical)


def bundled_counters() -> tuple[str, ...]:
    """Return the names of the counters that can be used at once."""
    return ("nuclei", *classical_counters())


def fitted_heads() -> tuple[str, ...]:
    """Return the names of what is fitted to counts: the bundled counter, and what is no network."""
    return ("nuclei", *(each.head for each in KINDS if not each.is_trained))
