"""Where a counter comes from: what is said of it before it is loaded, and sent to other processes.

A process that counts loads the counter itself; a network never crosses to it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from adaptoscope.counting.conventions import AS_IT_DOES, Conventions, by_conventions
from adaptoscope.counting.heads.kind import CounterKind
from adaptoscope.counting.heads.table import KINDS, bundled_counters, classical_counters, kind_of
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.pretrained.bundled import bundled_weights

if TYPE_CHECKING:
    from adaptoscope.counting.model_folder import CountingModel

# What a model folder is computed with; its card and logs change no count.
_MODEL_SUFFIXES = (".safetensors", ".onnx")


class CounterSource(Protocol):
    """Loads one counter, the same one in every process."""

    def load(self) -> "CountingModel":
        """Load it."""
        ...

    def __hash__(self) -> int:
        """Hash equal sources alike."""
        ...

    def identity(self) -> Mapping[str, object] | None:
        """Return what tells it from any other counter; None where that is not known."""
        ...

    def located(self) -> "CounterSource":
        """Return it with the device that it runs on, where it only says which is wanted."""
        ...


@dataclass(frozen=True)
class StoredCounter:
    """A counter by name or folder.

    Parameters
    ----------
    model
        ``nuclei``, ``dog``, ``otsu_watershed``, or a model folder.
    device
        Where a network runs; before `located`, what was asked for.
    told
        What its user counts.
    """

    model: str
    device: str = "auto"
    told: Conventions = AS_IT_DOES

    def load(self) -> "CountingModel":
        """Load it."""
        from adaptoscope.counting.model_folder import load_counter

        return by_conventions(load_counter(self.model, device=self.device), self.told)

    def kind(self) -> str:
        """Return which kind of counter it is, as its record says, without loading it."""
        if self.model in classical_counters():
            return self.model
        try:
            return str(json.loads((self._folder / "model.json").read_text("utf-8"))["kind"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"There is no counter {self._folder}.",
                expected=f"a finished model folder, or one of {', '.join(bundled_counters())}",
                found="no model.json" if isinstance(error, OSError) else "a damaged model.json",
                remedy="check the path; run `adaptoscope count train` again if it was interrupted",
            ) from error

    def identity(self) -> dict[str, object]:
        """Return its name, device, and the hashes of its files."""
        if self.model in classical_counters():
            return {"model": self.model}
        kept = [file for file in self._folder.iterdir() if file.suffix in _MODEL_SUFFIXES]
        digest = hashlib.sha256((self._folder / "model.json").read_bytes())
        for file in sorted(kept):
            digest.update(file.name.encode() + file.read_bytes())
        identity: dict[str, object] = {"model": self.model, "device": self.device}
        if self.told.fitted is not None:
            identity["reading"] = self.told.fitted.model_dump()
        return {**identity, "files": digest.hexdigest()}

    def located(self) -> "StoredCounter":
        """Return it with the device that it runs on."""
        return replace(self, device=counter_device(self.model, self.device))

    @property
    def _folder(self) -> Path:
        return bundled_weights()["nuclei"] if self.model == "nuclei" else Path(self.model)


@dataclass(frozen=True, eq=False)
class LoadedCounter:
    """A counter that this process has loaded and no other can."""

    counter: "CountingModel"

    def load(self) -> "CountingModel":
        """Return it."""
        return self.counter

    def identity(self) -> None:
        """Return None: its weights may be anybody's."""
        return None

    def located(self) -> "LoadedCounter":
        """Return it: it stays where it is."""
        return self


@lru_cache(maxsize=1)
def loaded(source: CounterSource) -> "CountingModel":
    """Load a counter once in this process.

    Parameters
    ----------
    source
        Where it comes from.
    """
    return source.load()


def counter_device(model: str, device: str) -> str:
    """Say where a counter runs; those without a network know no device."""
    if model in classical_counters():
        return "cpu"
    from adaptoscope.inference.network import chosen_device

    return chosen_device(device)


def refuse_useless(name: str, kind: str, settings: PredictSettings, **places: object) -> None:
    """Refuse what a counter cannot do: cells that it does not find, a diameter that it cannot use.

    Parameters
    ----------
    places
        From the name of an option that needs cell centres to its value; None where it was not
        given.
    """
    counter = kind_of(kind)
    given = [f"--{option}" for option, value in places.items() if value is not None]
    if given and counter.gives == "number":
        raise SettingsError(
            f"The counter {name} does not say where the cells are.",
            expected="a counter that finds cell centres, as "
            + ", ".join(each.head for each in KINDS if each.gives != "number"),
            found=f"{', '.join(given)} with a counter of the kind {kind}",
            remedy=f"leave out {' and '.join(given)}, or choose another --model",
        )
    if settings.diameter_px is not None:
        refuse_diameter(name, counter, settings.diameter_px)


def refuse_diameter(name: str, kind: CounterKind, diameter_px: float) -> None:
    """Refuse a cell diameter for a counter that does not know the size of cells."""
    if kind.gives == "number":
        raise SettingsError(
            f"The counter {name} cannot be told the diameter of cells.",
            expected="no --diameter with a counter that sums windows or is constant",
            found=f"--diameter {diameter_px:g}",
            remedy="leave --diameter out, or bring the images to the pixel size of its training",
        )
