"""What all sets of images share: a folder, one record per image or pair, and their files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from adaptoscope.datasets.paths import find_inside
from adaptoscope.errors import InputError


class SplitRecord(Protocol):
    """A record of something that is in a split, or in none."""

    @property
    def split(self) -> str | None:
        """``train``, ``val``, ``test`` or another name."""
        ...


_Record = TypeVar("_Record", bound=SplitRecord)


@dataclass(frozen=True)
class RecordSet(Generic[_Record]):
    """A folder and its records, in the order of their list; pixels are read when asked for."""

    folder: Path
    records: tuple[_Record, ...]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.records)

    def __iter__(self) -> Iterator[_Record]:
        """Go through the records."""
        return iter(self.records)

    def with_records(self, records: Iterable[_Record]) -> Self:
        """Return the same set with some of its records, or in a new order."""
        return dataclasses.replace(self, records=tuple(records))

    def images_of(self, split: str | None) -> tuple[_Record, ...]:
        """Return the records of one split (there may be none), or all of them for None."""
        return tuple(each for each in self.records if split is None or each.split == split)


def locate_files(
    folder: Path, root: Path | None, table: Path, entries: Iterable[str]
) -> Mapping[str, Path]:
    """Find the files that a table names: from path as given to the file.

    They may lie in `folder`, where the table is, or in `root`.
    """
    files: dict[str, Path] = {}
    for entry in dict.fromkeys(entries):
        files[entry] = find_inside(folder, entry, root, table)[1]
        if not files[entry].is_file():
            raise InputError(
                f"A file that {table} lists is missing: {entry}.",
                expected=f"the file {files[entry]}",
                found="nothing",
                remedy="restore the file or remove the row",
            )
    return files
