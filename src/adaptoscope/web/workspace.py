"""A folder of images that the app may see, and the folder beside it that holds what is made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from adaptoscope.counting.images_to_count import FileToCount, images_of_places
from adaptoscope.errors import InputError, OutputError

WORK_FOLDER = "adaptoscope"
"""Name of the folder inside the images' folder, unless another one is given."""


@dataclass(frozen=True)
class Workspace:
    """Images of one folder, and what was made of them.

    Parameters
    ----------
    images
        The folder of images, which is only read.
    work
        Where counts, corrections, trained counters and jobs are kept.
    """

    images: Path
    work: Path

    @property
    def name(self) -> str:
        """How a person knows the folder."""
        return self.images.name

    @property
    def labels(self) -> Path:
        """The counted-image folder of the images that a person has finished."""
        return self.work / "labels"

    def files(self) -> tuple[FileToCount, ...]:
        """Find the images, as `count predict` does, under the same names."""
        return _files(self.images, self.images.stat().st_mtime_ns)

    def file(self, number: int) -> FileToCount:
        """Return an image by its place in the list, from 0."""
        files = self.files()
        if not 0 <= number < len(files):
            raise InputError(
                f"There is no image {number} in {self.name}.",
                expected=f"a number from 0 to {len(files) - 1}",
                remedy="load the page again: images were removed",
            )
        return files[number]


@lru_cache(maxsize=32)
def _files(folder: Path, changed: int) -> tuple[FileToCount, ...]:
    return images_of_places([folder])[0]


def open_workspace(images: Path, work: Path | None = None) -> Workspace:
    """Check that a folder holds images and that what is made can be kept.

    Parameters
    ----------
    images
        The folder of images.
    work
        Where to keep what is made; None takes ``images/adaptoscope``.

    Raises
    ------
    InputError
        If there is no image.
    OutputError
        If nothing can be written.
    """
    images = images.resolve()
    work = (work or images / WORK_FOLDER).resolve()
    workspace = Workspace(images, work)
    workspace.files()
    try:
        work.mkdir(parents=True, exist_ok=True)
        usable = os.access(work, os.W_OK)
    except OSError:
        usable = False
    if not usable:
        raise OutputError(
            f"Nothing can be kept in {work}.",
            expected="a folder that can be written to, for counts and corrections",
            found="one that cannot",
            remedy="give another folder with --work DIR",
        )
    return workspace
