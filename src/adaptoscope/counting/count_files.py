"""Count many files, in one process or several, so that nothing counted is lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.bulk.tasks import run_tasks
from adaptoscope.counting.count_records import CountRecord, CountRecords
from adaptoscope.counting.counter_source import (
    CounterSource,
    LoadedCounter,
    loaded,
)
from adaptoscope.counting.images_to_count import FileToCount
from adaptoscope.counting.predict import CountedImage, count_file
from adaptoscope.counting.regions import label_images
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import OutputError, SettingsError
from adaptoscope.imageio.atomic_files import atomic_path


@dataclass(frozen=True)
class ToCount:
    """One file that is to be counted.

    Parameters
    ----------
    overlay
        Where its picture goes; None draws none.
    """

    file: FileToCount
    overlay: Path | None = None

    @property
    def name(self) -> str:
        """Its name in the table."""
        return self.file.name


@dataclass(frozen=True)
class CountRun:
    """What is the same for all files of a count; it crosses to worker processes.

    Parameters
    ----------
    source
        Where the counter comes from.
    records
        Where each file's rows are kept as soon as they are known.
    """

    source: CounterSource
    settings: PredictSettings
    records: CountRecords
    regions: Path | None = None
    draw: Callable[[CountedImage], bytes] | None = None
    measure: bool = False

    def is_done(self, task: ToCount) -> bool:
        """Tell whether a file, as it is now, was counted, and its picture drawn."""
        kept = self.records.read(task.file.path)
        if kept is None or not kept.is_counted or kept.stamp != _stamp(task.file, self.regions):
            return False
        return kept.rows[0].image == task.name and (task.overlay is None or task.overlay.is_file())

    def count(self, tasks: Sequence[ToCount], *, workers: int = 1) -> None:
        """Count files and keep what was found in each.

        Parameters
        ----------
        workers
            Processes that share them. Each has one thread, so that the numbers depend neither on
            how many there are nor on the machine's processors.

        Raises
        ------
        SettingsError
            If the counter is of this process alone and there are several workers.
        OSError
            If a record or a picture cannot be written; what was counted before is kept.
        """
        if workers > 1 and isinstance(self.source, LoadedCounter):
            raise SettingsError(
                "Worker processes cannot be given a counter that is loaded already.",
                expected="the name or the folder of a counter, or 1 worker",
                found=f"a loaded counter, and {workers} workers",
            )
        run_tasks(tasks, self.count_one, workers=workers, description="count")

    def count_one(self, task: ToCount) -> None:
        """Count one file; its picture is written before its record says that it is done."""
        stamp = _stamp(task.file, self.regions)
        draw = None if task.overlay is None else self.draw
        found = count_file(
            loaded(self.source),
            task.file,
            self.settings,
            regions=self.regions,
            draw=draw,
            measure=self.measure,
        )
        if found.picture is not None and task.overlay is not None:
            with atomic_path(task.overlay) as temporary:
                temporary.write_bytes(found.picture)
        cells = found.cells
        record = CountRecord(
            stamp,
            found.rows,
            found.points,
            found.distance,
            found.sharpness,
            cells.diameter_px if cells else None,
            cells.intensities if cells else None,
        )
        self.records.write(task.file.path, record)

    def found_in(self, task: ToCount) -> CountRecord:
        """Return what was found in a file that was counted."""
        kept = self.records.read(task.file.path)
        if kept is None:
            raise OutputError(
                "What was counted has gone before it came into the table.",
                expected=f"the records in {self.records.folder}",
                found=f"none of {task.name}",
                remedy="see whether another process counted into the same table, and repeat the "
                "command",
            )
        return kept


def _stamp(file: FileToCount, regions: Path | None) -> list[object]:
    """Tell a file, with what belongs to it, from that of another time: by sizes and changes."""
    labels = [] if regions is None else label_images(regions, file.name)
    return [file.pixel_size_um, *(_state(place) for place in (file.path, *labels))]


def _state(place: Path) -> list[int]:
    """Return size and time of the last change; of an OME-Zarr folder, over all of its files."""
    try:
        parts = [place, *place.rglob("*")] if place.is_dir() else [place]
        states = [part.stat() for part in parts]
    except OSError:
        return []
    return [sum(each.st_size for each in states), max(each.st_mtime_ns for each in states)]
