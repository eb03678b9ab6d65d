"""Files that are never seen half-written."""

from __future__ import annotations

import json
import os
import re
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PARTIAL = re.compile(r"\.partial-[0-9a-f]{32}(\.[^.]*)?")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name and move it into place.

    Yields a name beside `path` with the same suffix. Whatever is written there replaces `path` when
    the block ends, with the permissions of any new file in that folder; it is removed if the block
    fails. Missing folders above `path` are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".partial-{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        _give_usual_permissions(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _give_usual_permissions(file: Path) -> None:
    """Undo what libraries with temporary files of their own do, which only the owner may read."""
    sample = file.with_name(f".partial-{uuid.uuid4().hex}")
    try:
        sample.touch()
        usual = sample.stat().st_mode
    finally:
        sample.unlink(missing_ok=True)
    if file.stat().st_mode != usual:
        # A share that keeps no permissions of its own refuses this; the file is whole all the same.
        with suppress(OSError):
            file.chmod(stat.S_IMODE(usual))


def is_occupied(folder: Path) -> bool:
    """Tell whether something stands at a path, leftovers of killed writers apart."""
    if not folder.is_dir():
        return folder.exists()
    return any(not _PARTIAL.fullmatch(entry.name) for entry in folder.iterdir())


def remove_partial_files(folder: Path, *, below: bool = False) -> None:
    """Remove what killed writers left in a folder, which need not exist, or also `below` it.

    No writer may be at work there. Only names that `atomic_path` gives are removed.
    """
    pattern = "**/.partial-*" if below else ".partial-*"
    for leftover in list(Path(folder).glob(pattern)):
        if _PARTIAL.fullmatch(leftover.name) and not leftover.is_dir():
            leftover.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, in UTF-8 with Unix line ends."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: Path, content: object) -> None:
    """Write a JSON file whole or not at all; NaN and infinity are refused."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")
