"""Where the results of a count may be written: found out before the first image is counted."""

import errno
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.counting.count_records import CountRecords
from adaptoscope.counting.images_to_count import FileToCount
from adaptoscope.errors import OutputError
from adaptoscope.imageio.atomic_files import is_occupied

# About the size of a small table: a disk that has not even this is full.
_TRIAL_BYTES = 64 * 1024


@dataclass(frozen=True)
class CountOutputs:
    """Where the results go; None leaves one out.

    Parameters
    ----------
    table
        ``counts.csv``.
    points
        Folder for ``points.csv``, the cell centres of all images.
    overlays
        Folder for one PNG per image.
    cells
        ``cells.csv``: a row for each cell.
    """

    table: Path | None = None
    points: Path | None = None
    overlays: Path | None = None
    plot: Path | None = None
    cells: Path | None = None
    overwrite: bool = False

    @property
    def points_table(self) -> Path | None:
        """The table of cell centres."""
        return None if self.points is None else self.points / "points.csv"

    @property
    def places(self) -> dict[str, Path]:
        """Everything that is written, by the name of its option."""
        named = {"table": self.table, "points": self.points}
        named |= {"overlays": self.overlays, "plot": self.plot, "cells": self.cells}
        return {name: place for name, place in named.items() if place is not None}

    def records(self) -> CountRecords | None:
        """Return the records of a count into this table; None where there is no table."""
        if self.table is None:
            return None
        return CountRecords(self.table.with_name(f".{self.table.name}.unfinished"))


def refuse_outputs(
    outputs: CountOutputs,
    files: Sequence[FileToCount],
    sources: Sequence[Path],
    *,
    begun: bool = False,
) -> None:
    """Refuse what cannot be written, or would replace something that is not to be lost.

    Parameters
    ----------
    outputs
        Where the results go. Folders that are missing are made.
    begun
        Whether this count was begun before: what stands at its places is then its own.
    """
    files_asked = (outputs.table, outputs.points_table, outputs.plot, outputs.cells)
    single = [place for place in files_asked if place]
    for option, place, usual in (
        ("--out", outputs.table, "counts.csv"),
        ("--plot", outputs.plot, "counts.png"),
        ("--cells", outputs.cells, "cells.csv"),
    ):
        if place is not None and place.is_dir():
            raise _refusal(place, "a file name", "a folder", f"give {option} {place / usual}")
    if outputs.plot is not None and outputs.plot.suffix.lower() != ".png":
        found = outputs.plot.suffix or "no suffix"
        raise _refusal(outputs.plot, "a file name that ends in .png", found, "give --plot FILE.png")
    _refuse_images(outputs, single, files, sources)
    if not (begun or outputs.overwrite):
        _refuse_taken(outputs, single)
    folders = [place.parent for place in single]
    for folder in dict.fromkeys([*folders, *filter(None, [outputs.overlays])]):
        _try_to_write(folder)


def _refuse_images(
    outputs: CountOutputs,
    single: Sequence[Path],
    files: Sequence[FileToCount],
    sources: Sequence[Path],
) -> None:
    """Refuse to write over images, over one result with another, or labels beside images."""
    folders = {_real(place) for place in (*sources, *{file.path.parent for file in files})}
    # A plot beside the images would be one of them the next time.
    beside = {"--points": outputs.points, "--overlays": outputs.overlays}
    if outputs.plot is not None:
        beside["--plot"] = outputs.plot.parent
    for option, place in beside.items():
        if place is not None and _real(place) in folders:
            raise OutputError(
                "Results cannot be written beside the images.",
                expected="another folder, as points.csv beside images says what a person has "
                "marked, and overlays have the names of images",
                found=f"{option} {place}",
                remedy="choose another folder",
            )
    taken = {_real(file.path) for file in files}
    for place in single:
        if _real(place) in taken:
            found = "one of the images, or the file of another option"
            raise _refusal(place, "a file of its own", found, "choose another name")
        taken.add(_real(place))


def _refuse_taken(outputs: CountOutputs, single: Sequence[Path]) -> None:
    there = [place for place in single if place.exists()]
    if there:
        raise OutputError(
            f"The file {there[0]} is there already.",
            expected="a new file",
            found="a file of an earlier run, or of somebody else",
            remedy="choose another name, or replace it with --overwrite",
        )
    if outputs.overlays is not None and is_occupied(outputs.overlays):
        raise OutputError(
            f"The folder for overlays {outputs.overlays} holds something else.",
            expected="an empty folder, or a new one",
            found="files" if outputs.overlays.is_dir() else "a file",
            remedy="choose another folder, or add --overwrite",
        )


def _try_to_write(folder: Path) -> None:
    """Make a folder and write a file into it that is removed again."""
    trial = folder / f".partial-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with trial.open("wb") as stream:
            stream.write(os.urandom(_TRIAL_BYTES))
            # Some file systems notice only here that there is no room.
            os.fsync(stream.fileno())
    except OSError as error:
        found = "a file of this name" if error.errno == errno.EEXIST else error.strerror
        raise OutputError(
            f"Nothing can be written into the folder {folder}.",
            expected="a folder that can be made and written to, and room on the disk",
            found=found or str(error),
            remedy="check the path, your rights to it and the free space, or choose another place",
        ) from error
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)


def _refusal(place: Path, expected: str, found: str, remedy: str) -> OutputError:
    return OutputError(
        f"Results cannot be written to {place}.", expected=expected, found=found, remedy=remedy
    )


def _real(place: Path) -> Path:
    """Follow links; one that leads in a circle stays as it is, where `Path.resolve` would raise."""
    return Path(os.path.realpath(place))
