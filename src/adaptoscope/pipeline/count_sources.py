"""Which counter a folder is counted with: by name or loaded, as its user counts, by hand counts."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adaptoscope.counting.conventions import Conventions
from adaptoscope.counting.counter_source import (
    CounterSource,
    LoadedCounter,
    StoredCounter,
    loaded,
    refuse_useless,
)
from adaptoscope.counting.images_to_count import FileToCount
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import SettingsError

if TYPE_CHECKING:
    from adaptoscope.counting.hand_counts import Calibrated
    from adaptoscope.counting.model_folder import CountingModel
    from adaptoscope.inference.network import Device
    from adaptoscope.pipeline.counters import Counter
    from adaptoscope.pipeline.front_door import Place


def asked_source(
    model: "Place | Counter | CountingModel", device: "Device", settings: PredictSettings
) -> CounterSource:
    """Return the counter that was asked for, not yet loaded where it has a name or a folder."""
    if isinstance(model, str | os.PathLike):
        return StoredCounter(os.fspath(model), device, _told(settings))
    from adaptoscope.counting.conventions import by_conventions
    from adaptoscope.pipeline.counters import Counter

    counter = model.model if isinstance(model, Counter) else model
    if not hasattr(counter, "record"):
        raise SettingsError(
            "This is no counter.",
            expected="the name of a bundled counter, a model folder, or what load_counter returns",
            found=repr(model),
            remedy='give model="nuclei"',
        )
    return LoadedCounter(by_conventions(counter, _told(settings)))


def refuse_useless_source(
    source: CounterSource, settings: PredictSettings, **places: object
) -> None:
    """Refuse what the counter cannot do, as `refuse_useless`."""
    if isinstance(source, StoredCounter):
        refuse_useless(source.model, source.kind(), settings, **places)
    else:
        counter = source.load()
        refuse_useless(counter.name, counter.record.kind, settings, **places)


def _told(settings: PredictSettings) -> Conventions:
    return Conventions(settings.edges, settings.blurred)


def calibrated_source(
    source: CounterSource, table: Path, files: Sequence[FileToCount], settings: PredictSettings
) -> "tuple[CounterSource, Calibrated]":
    """Return the counter as hand counts say that it has to be read."""
    from adaptoscope.counting.conventions import by_conventions
    from adaptoscope.counting.hand_counts import calibrated_by

    found = calibrated_by(loaded(source), table, files, settings, _told(settings))
    told = Conventions(fitted=found.reading)
    if isinstance(source, StoredCounter):
        return replace(source, told=told), found
    return LoadedCounter(by_conventions(source.load(), told)), found
