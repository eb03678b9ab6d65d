"""Folders that a killed writer can go on with, and that are never mixed up with others."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adaptoscope.errors import OutputError, describe_differences
from adaptoscope.imageio.files import (
    is_occupied,
    remove_partial_files,
    write_json,
    write_text,
)
from adaptoscope.imageio.readers import file_suffixes

SETTINGS_FILE = "settings.json"
RECORDS_FOLDER = "records"
VERDICTS_FOLDER = "verdicts"
"""Verdicts on single images while a set is being screened."""

# What says that images are finished goes before the images themselves, the settings last.
_WRITTEN = (
    "metadata.csv",
    "pairs.csv",
    RECORDS_FOLDER,
    VERDICTS_FOLDER,
    "images",
    "masks",
    "points.csv",
    "README.md",
    SETTINGS_FILE,
)
_NAME = re.compile(r"[^\W_][\w .,()+=@#&-]*")


class SetWriter:
    """Writes a folder of images one task after another, so that a killed run goes on.

    A task counts as done once ``records/NAME.json`` stands. Several processes may write into one
    folder, each with a writer of its own and equal settings.

    Parameters
    ----------
    folder
        Folder to write.
    settings
        Everything that the images depend on, as JSON can hold it.
    title
        First line of the card.
    overwrite
        Begin anew a folder that an earlier run wrote.

    Raises
    ------
    OutputError
        If the folder was begun with other settings or holds something else.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], title: str, *, overwrite: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.title = title
        begin_folder(self.folder, settings, overwrite=overwrite)

    def has(self, name: str) -> bool:
        """Tell whether a task, by its name as added, was done by this run or by a killed one."""
        return self._record_file(name).is_file()

    def _record_file(self, name: str) -> Path:
        return self.folder / RECORDS_FOLDER / f"{Path(image_file_name(name)).stem}.json"

    def _records(self) -> Iterator[dict[str, Any]]:
        for file in sorted((self.folder / RECORDS_FOLDER).glob("[!.]*.json")):
            yield json.loads(file.read_text(encoding="utf-8"))

    def _write_card(self, card: str, statistics: str) -> None:
        write_text(self.folder / "README.md", f"# {self.title}\n\n{card.strip()}\n\n{statistics}")

    def _remove_partial_files(self) -> None:
        for below in ("", "images", "masks", RECORDS_FOLDER):
            remove_partial_files(self.folder / below)


def is_finished(folder: Path) -> bool:
    """Tell whether a writer of counted images finished a folder: its table stands, alone."""
    return (folder / "metadata.csv").is_file() and not (folder / RECORDS_FOLDER).exists()


def begin_folder(folder: Path, settings: Mapping[str, Any], *, overwrite: bool) -> None:
    """Begin an output folder, or go on with one that was begun with equal settings.

    The settings are everything that the output depends on, kept as ``settings.json``. What an
    earlier run of ours wrote is removed on `overwrite`; folders that we did not begin are never
    touched. Of several processes that write into one folder, only the first may ask for it.
    """
    kept = folder / SETTINGS_FILE
    wanted = json.loads(json.dumps(dict(settings), default=str, sort_keys=True))
    if not kept.is_file():
        _refuse_occupied(folder)
    elif overwrite:
        _clear(folder)
    else:
        _refuse_other_settings(folder, _kept_settings(kept), wanted)
        return
    write_json(kept, wanted)


def image_file_name(name: str) -> str:
    """Return the file name of an image, with ``.png`` where it has no suffix of an image.

    Names that would not stay in their folder are refused.
    """
    file_name = name if name.lower().endswith(file_suffixes()) else name + ".png"
    if not _NAME.fullmatch(file_name) or len(file_name) > 200:
        raise OutputError(
            f"An image cannot be written under the name {name!r}.",
            expected="letters, digits, blanks and . , ( ) + = @ # & - _, "
            "beginning with a letter or digit, at most 200 of them",
            found=repr(name),
            remedy="rename the image that it is made from",
        )
    return file_name


def _kept_settings(kept: Path) -> Any:
    try:
        return json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(
            f"The settings of the output folder {kept.parent} cannot be read.",
            expected=f"JSON in {kept.name}",
            found=str(error),
            remedy="choose another folder, or begin it anew with --overwrite",
        ) from error


def _refuse_occupied(folder: Path) -> None:
    if is_occupied(folder):
        raise OutputError(
            f"The output folder {folder} holds something else.",
            expected="an empty folder, a new one, or one that was begun with the same command",
            found="files without settings.json" if folder.is_dir() else "a file",
            remedy="choose another folder",
        )


def _refuse_other_settings(folder: Path, kept: Any, wanted: Mapping[str, Any]) -> None:
    if kept == wanted:
        return
    raise OutputError(
        f"The output folder {folder} was begun with other settings.",
        expected="the settings it was begun with",
        found=describe_differences(kept, wanted),
        remedy="choose another folder, or begin this one anew with --overwrite",
    )


def _clear(folder: Path) -> None:
    for name in _WRITTEN:
        place = folder / name
        if place.is_symlink() or place.is_file():
            place.unlink()
        elif place.is_dir():
            shutil.rmtree(place)
