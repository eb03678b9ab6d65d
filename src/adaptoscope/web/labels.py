"""Cells that a person has marked: kept after every act, and given on when an image is finished.

A draft per image lies in ``labels/drafts``; ``labels/metadata.csv`` and ``points.csv`` hold the
finished images alone, so that ``adaptoscope count train --real labels`` learns from these.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptoscope.datasets.point_tables import write_points
from adaptoscope.errors import InputError
from adaptoscope.imageio.atomic_files import write_json
from adaptoscope.imageio.csv_tables import write_table
from adaptoscope.imageio.json_values import read_json
from adaptoscope.web.workspace import Workspace

MOST_POINTS = 200_000
"""Most cells of one image that are kept; a page with more is at fault."""

_lock = threading.Lock()


@dataclass(frozen=True)
class Marked:
    """What a person has marked in an image.

    Parameters
    ----------
    points
        Cell centres as [row, column], in pixels.
    finished
        Whether every cell of the image is marked, so that it may teach and test.
    version
        Goes up by one with every change, so that two pages do not overwrite each other.
    start
        What the marks began from: ``counter``, or ``empty`` for a count by eye alone.
    """

    points: tuple[tuple[float, float], ...] = ()
    finished: bool = False
    version: int = 0
    start: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


class StaleMarksError(InputError):
    """Another page has changed the marks of this image meanwhile."""


def read_marks(workspace: Workspace, name: str) -> Marked:
    """Read what is marked in an image; nothing, at version 0, where nobody has begun."""
    path = _draft(workspace, name)
    if not path.is_file():
        return Marked()
    return _checked(read_json(path.read_text(encoding="utf-8")))


def keep_marks(workspace: Workspace, name: str, given: object) -> Marked:
    """Keep what is marked in an image now.

    Parameters
    ----------
    workspace
        Whose image.
    name
        Its name in the table of counts.
    given
        What the page sent: the fields of `Marked`; ``version`` is the one that it knows.

    Returns
    -------
    Marked
        With the version that the next change has to name.

    Raises
    ------
    InputError
        If what was sent is no such thing.
    StaleMarksError
        If another page was quicker.
    """
    sent = _checked(given)
    with _lock:
        before = read_marks(workspace, name)
        if sent.version != before.version:
            raise StaleMarksError(
                f"The marks of {name} were changed in another window.",
                expected=f"a change of version {before.version}",
                found=f"one of version {sent.version}",
                remedy="load the page again; the other window's marks are kept",
            )
        after = Marked(sent.points, sent.finished, before.version + 1, sent.start)
        path = _draft(workspace, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"image": name, **after.as_dict()})
        if after.finished or before.finished:
            write_finished(workspace)
    return after


def all_marks(workspace: Workspace) -> dict[str, Marked]:
    """Read the marks of all images that somebody has begun with."""
    return {
        file.name: marks
        for file in workspace.files()
        if (marks := read_marks(workspace, file.name)).version
    }


def write_finished(workspace: Workspace) -> None:
    """Write the counted-image folder of the finished images."""
    paths = {file.name: file.path for file in workspace.files()}
    finished = {name: marks for name, marks in all_marks(workspace).items() if marks.finished}
    rows = []
    for name, marks in finished.items():
        relative = os.path.relpath(paths[name], workspace.labels).replace(os.sep, "/")
        rows.append((relative, len(marks.points), True))
    workspace.labels.mkdir(parents=True, exist_ok=True)
    points = ((Path(name).name, np.array(m.points).reshape(-1, 2)) for name, m in finished.items())
    write_points(workspace.labels / "points.csv", points)
    write_table(workspace.labels / "metadata.csv", ("file_name", "count", "labelled"), rows)


def _draft(workspace: Workspace, name: str) -> Path:
    # A name may hold anything; its hash is a name of a file everywhere.
    digest = hashlib.sha256(name.encode()).hexdigest()[:24]
    return workspace.labels / "drafts" / f"{digest}.json"


def _checked(given: object) -> Marked:
    entries: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    try:
        points = np.asarray(entries["points"], dtype=np.float64).reshape(-1, 2)
        version = int(entries.get("version", 0))
    except (KeyError, TypeError, ValueError) as error:
        raise _no_marks(type(error).__name__) from error
    if len(points) > MOST_POINTS or not np.isfinite(points).all():
        raise _no_marks(f"{len(points)} points, or places that are no numbers")
    return Marked(
        tuple((row, column) for row, column in points.tolist()),
        entries.get("finished", False) is True,
        version,
        str(entries.get("start", ""))[:20],
    )


def _no_marks(found: str) -> InputError:
    return InputError(
        "These are no marks of cells.",
        expected=f"points as [row, column] in pixels, at most {MOST_POINTS:,}; finished; version",
        found=found,
        remedy="load the page again",
    )
