"""Every kind of counter in one table: what it says of an image, and what builds it.

A new kind has a file of its own with the functions named here, and a line in `KINDS`. Nothing is
imported before a counter of its kind is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from adaptoscope.errors import InputError

Says = Literal["number", "density", "cells"]


@dataclass(frozen=True)
class CounterKind:
    """One kind; each function as ``module:name``, or itself.

    Parameters
    ----------
    head
        What ``--head``, settings and rows of experiments call it.
    kind
        What ``model.json`` calls it.
    says
        A ``number`` alone, a ``density`` whose peaks are cells, or ``cells`` found one by one.
    counter
        Takes a record and a network, None where there is none, and returns the counter.
    settings
        Class of the settings that it is trained with; empty where it is fitted, not trained.
    build
        Takes such settings, returns the `Head` to train: network, loss and counts.
    network
        Takes a record and an encoder, None for its own; returns the network, weights still to be
        read.
    needs
        Fields of the record without which it cannot count.
    is_recipe
        Whether it counts as it stands, and nothing of it is trained or fitted.
    """

    head: str
    kind: str
    says: Says
    counter: str | Callable[..., Any]
    settings: str | type = ""
    build: str | Callable[..., Any] = ""
    network: str | Callable[..., Any] = ""
    needs: tuple[str, ...] = ()
    is_recipe: bool = False

    @property
    def is_trained(self) -> bool:
        """Whether it is a network that is trained; otherwise it is fitted to counts."""
        return bool(self.settings)

    @property
    def is_classical(self) -> bool:
        """Whether it finds cells without a network."""
        return self.says == "cells"

    def make(self, what: Literal["counter", "build", "network"], *given: Any) -> Any:
        """Call one of its functions."""
        return _loaded(getattr(self, what))(*given)

    def settings_class(self) -> Any:
        """Return the class of its settings."""
        return _loaded(self.settings)


_FOLDER, _HEADS = "adaptoscope.counting.model_folder", "adaptoscope.counting.heads"
_SETTINGS, _TRAINED = "adaptoscope.counting.settings", "adaptoscope.counting.trained_network"
_OF_NETWORK = ("crop", "normalisation", "intensity")

KINDS: list[CounterKind] = [
    CounterKind(
        "centres",
        "centres",
        "density",
        f"{_FOLDER}:centres_counter",
        f"{_SETTINGS}:DensitySettings",
        f"{_HEADS}:centres_head",
        f"{_TRAINED}:centres_network",
        (*_OF_NETWORK, "working_diameter_px"),
    ),
    CounterKind(
        "regressor",
        "count_regressor",
        "number",
        f"{_FOLDER}:regressor_counter",
        f"{_SETTINGS}:RegressorSettings",
        f"{_HEADS}:regressor_head",
        f"{_TRAINED}:regressor_network",
        (*_OF_NETWORK, "pooling"),
    ),
    CounterKind(
        "fcrn_a",
        "fcrn_a",
        "density",
        f"{_FOLDER}:fcrn_a_counter",
        f"{_SETTINGS}:DensitySettings",
        f"{_HEADS}:fcrn_a_head",
        f"{_TRAINED}:fcrn_a_network",
        (*_OF_NETWORK, "working_diameter_px"),
    ),
    CounterKind("dog", "dog", "cells", f"{_FOLDER}:dog_counter"),
    CounterKind("otsu_watershed", "otsu_watershed", "cells", f"{_FOLDER}:otsu_watershed_counter"),
    CounterKind(
        "imagej_particles",
        "imagej_particles",
        "cells",
        "adaptoscope.counting.classical_recipes:particles_counter",
        is_recipe=True,
    ),
    CounterKind(
        "voronoi_otsu",
        "voronoi_otsu",
        "cells",
        "adaptoscope.counting.classical_recipes:voronoi_otsu_counter",
        is_recipe=True,
    ),
    CounterKind("constant", "constant", "number", f"{_FOLDER}:constant_counter"),
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
    heads = (each.head for each in KINDS if not (each.is_trained or each.is_recipe))
    return ("nuclei", *heads)


def kind_of_head(head: str) -> CounterKind:
    """Return a kind by what settings call it."""
    return next(each for each in KINDS if each.head == head)


def _loaded(home: Any) -> Any:
    if not isinstance(home, str):
        return home
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)
