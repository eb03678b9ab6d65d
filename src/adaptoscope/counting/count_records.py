"""What an unfinished count has found so far: one file per image in a hidden folder.

Each file appears whole, as soon as its image is counted, whichever process counted it. So a count
that was killed goes on, and its table is made from the same files as that of one that was not.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.counting.count_table import PredictedCount
from adaptoscope.errors import OutputError, describe_differences
from adaptoscope.imageio.atomic_files import atomic_path
from adaptoscope.images.cell_centres import Points

_SETTINGS = "settings.json"


@dataclass(frozen=True, eq=False)
class CountRecord:
    """What was found in one image.

    Parameters
    ----------
    stamp
        What tells its files from those of another time, as JSON holds it.
    rows
        Those of ``counts.csv``; that of the whole image first.
    points
        Cell centres, shape (N, 2), (row, column) in pixels, rounded as in ``points.csv``; None
        where the counter gives no positions.
    distance
        How unlike the training images it looks; None where the counter does not know them.
    sharpness
        Of each cell, shape (N,), rounded as in ``points.csv``; None where it is not measured.
    diameter_px, intensities
        As in `MeasuredCells`; None where cells were not measured.
    """

    stamp: list[object]
    rows: tuple[PredictedCount, ...]
    points: Points | None = None
    distance: float | None = None
    sharpness: NDArray[np.float64] | None = None
    diameter_px: float | None = None
    intensities: Mapping[str, NDArray[np.float64]] | None = None

    @property
    def is_counted(self) -> bool:
        """Whether there is a count; an image that failed is tried again by the next call."""
        return self.rows[0].count is not None


@dataclass(frozen=True)
class CountRecords:
    """The records of one count.

    Parameters
    ----------
    folder
        Where they are.
    """

    folder: Path
    of: str = ""
    """Digest of the settings, so that a count takes no records of another one for its own."""

    def of_count(self, settings: Mapping[str, object] | None) -> "CountRecords":
        """Return the records of the count with these settings, in the same folder."""
        told = json.dumps(settings, sort_keys=True).encode()
        return replace(self, of=hashlib.sha256(told).hexdigest()[:16])

    @property
    def begun(self) -> bool:
        """Whether a count was begun here and not finished."""
        return (self.folder / _SETTINGS).is_file()

    def begin(self, settings: Mapping[str, object] | None, *, overwrite: bool) -> None:
        """Begin a count, or go on with one that was begun with equal settings.

        Parameters
        ----------
        settings
            Everything that rows depend on beside the images' files; None for a counter that cannot
            be known again, whose count is begun anew.
        """
        wanted = json.loads(json.dumps(settings))
        kept = self._settings()
        if kept == wanted and kept is not None:
            return
        if kept is not None and not overwrite and self._holds_counts():
            loaded = "a model that is loaded already, which cannot be known again"
            raise OutputError(
                "Another count into the same table was begun and not finished.",
                expected="the command that it was begun with, which goes on",
                found=describe_differences(kept, wanted) if wanted else loaded,
                remedy="repeat that command, choose another --out, or discard what it has counted "
                "with --overwrite",
            )
        self.remove()
        self._write(_SETTINGS, wanted)

    def read(self, image: Path) -> CountRecord | None:
        """Return what was found in an image; None where nothing is kept, or nothing legible."""
        try:
            kept = json.loads((self.folder / self._name(image)).read_text("ascii"))
            points, sharp = kept["points"], kept["sharpness"]
            return CountRecord(
                kept["stamp"],
                tuple(PredictedCount(**row) for row in kept["rows"]),
                None if points is None else np.array(points, np.float64).reshape(-1, 2),
                kept["distance"],
                None if sharp is None else np.array(sharp, np.float64),
                kept["diameter_px"],
                None
                if kept["intensities"] is None
                else {name: _array(values) for name, values in kept["intensities"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, image: Path, record: CountRecord) -> None:
        """Keep what was found in an image."""
        content = {
            "stamp": record.stamp,
            "rows": [asdict(row) for row in record.rows],
            "points": None if record.points is None else record.points.tolist(),
            "distance": record.distance,
            "sharpness": None if record.sharpness is None else record.sharpness.tolist(),
            "diameter_px": record.diameter_px,
            "intensities": None
            if record.intensities is None
            else {name: _listed(values) for name, values in record.intensities.items()},
        }
        self._write(self._name(image), content)

    def remove(self) -> None:
        """Remove all records: the count is finished, or discarded."""
        # Without its settings the folder is nobody's, whenever the rest is cut short.
        (self.folder / _SETTINGS).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _name(self, image: Path) -> str:
        """Name the record of an image by its whole path: two may have the same base name."""
        place = hashlib.sha256(os.fsencode(os.path.abspath(image))).hexdigest()[:40]
        return f"{self.of}-{place}.json"

    def _holds_counts(self) -> bool:
        return any(file.name != _SETTINGS for file in self.folder.glob("*.json"))

    def _settings(self) -> object:
        try:
            return json.loads((self.folder / _SETTINGS).read_text("ascii"))
        except (OSError, ValueError):
            return None

    def _write(self, name: str, content: object) -> None:
        with atomic_path(self.folder / name) as temporary:
            temporary.write_text(json.dumps(content), encoding="ascii")


def _array(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if each is None else each for each in values], np.float64)


def _listed(values: NDArray[np.float64]) -> list[float | None]:
    """Return values as JSON holds them, without NaN."""
    return [None if np.isnan(each) else float(each) for each in values]
