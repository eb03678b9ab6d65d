"""What all functions of the front door take and give: places, settings in any form, models."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.paired_stains import PairedStainSet, open_paired_stains
from adaptoscope.training.settings import Settings, SettingsKind, read_settings, settings_from

if TYPE_CHECKING:
    from adaptoscope.counting.judgement import Judgement

Place = str | os.PathLike[str]
"""A file or folder."""

Images = Place | CountedImageSet
"""A folder of images, or a set that is open already."""

Pairs = Place | PairedStainSet
"""A folder of image pairs, or a set that is open already."""

FieldImages = Images | PairedStainSet
"""A folder of pairs or of plain images, or a set that is open already."""

GivenSettings = Settings | Mapping[str, Any] | Place | None
"""Settings as an object, as names and values, or as a YAML file; None: the defaults."""

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Plane = int | Literal["max"] | None


@dataclass(frozen=True)
class TrainedModel:
    """A model folder that was written; it can stand wherever a model folder is asked for.

    Parameters
    ----------
    measured
        Errors or agreement on the images of the split ``val``, or of a cross-validation; None
        where there was none.
    judgement
        Of a counter: whether it is nearer than the one that it began as; None where nobody asked.
    """

    folder: Path
    measured: Mapping[str, float] | None
    summary: str
    judgement: Judgement | None = None

    def __fspath__(self) -> str:
        """Return the folder."""
        return str(self.folder)


def values_of(given: GivenSettings) -> tuple[Any, str]:
    """Return settings as names and values, unchecked, and where they came from.

    Parameters
    ----------
    given
        In any form; of an object every field counts as named.
    """
    if given is None:
        return {}, ""
    if isinstance(given, Settings):
        return given.model_dump(), ""
    if isinstance(given, Mapping):
        return dict(given), ""
    return read_settings(Path(given)), os.fspath(given)


def settings_of(
    given: GivenSettings, kind: type[SettingsKind], *, section: str = "", **options: Any
) -> SettingsKind:
    """Check settings in any form.

    Parameters
    ----------
    section
        Name under which a file for several steps, such as an experiment, holds these settings.
    options
        Single fields, which win; None leaves one as it is.
    """
    values, origin = values_of(given)
    if isinstance(values, Mapping) and section in values:
        values = values[section]
    chosen = settings_from(values, kind, origin=origin)
    asked = {name: value for name, value in options.items() if value is not None}
    return chosen.changed(**asked) if asked else chosen


def open_images(
    images: Images, *, root: Place | None = None, channel: int | None = None, z: Plane = None
) -> CountedImageSet:
    """Open a folder of images, counted or not; a set that is open already is returned as it is.

    Parameters
    ----------
    root
        Further folder in which images named by a list may lie.
    channel, z
        Choice of channel and focal plane, as in `read_image`.
    """
    if isinstance(images, CountedImageSet):
        return images
    return open_counted_images(Path(images), root=path_of(root), channel=channel, z=z)


def open_pairs(pairs: FieldImages, *, root: Place | None = None) -> PairedStainSet:
    """Open a folder of image pairs; a set that is open already is returned as it is.

    Parameters
    ----------
    root
        Further folder in which images named by the list may lie.
    """
    if isinstance(pairs, PairedStainSet):
        return pairs
    folder = pairs.folder if isinstance(pairs, CountedImageSet) else Path(pairs)
    return open_paired_stains(folder, root=path_of(root))


def has_pairs(images: FieldImages) -> bool:
    """Tell whether a folder lists image pairs."""
    if isinstance(images, PairedStainSet | CountedImageSet):
        return isinstance(images, PairedStainSet)
    return (Path(images) / "pairs.csv").is_file()


def each_of(places: Iterable[Images] | Images | None) -> list[Images]:
    """Return one, several or no sets as a list."""
    if places is None:
        return []
    if isinstance(places, str | os.PathLike | CountedImageSet):
        return [places]
    return list(places)


def path_of(place: Place | None) -> Path | None:
    """Return a place as a path; none stays none."""
    return None if place is None else Path(place)
