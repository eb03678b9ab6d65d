"""Count a folder of images and write what people look at: tables, overlays and a plot.

What was asked is checked before a counter is loaded. Every image that was counted is kept on disk
at once: the same call goes on where a killed one stopped.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from adaptoscope import __version__
from adaptoscope.bulk.tasks import limited_threads, worth_workers
from adaptoscope.counting.cell_intensities import write_cell_table
from adaptoscope.counting.count_records import CountRecords
from adaptoscope.counting.count_table import (
    PredictedCount,
    summarise_counts,
    write_count_table,
)
from adaptoscope.counting.counter_source import CounterSource, LoadedCounter, loaded
from adaptoscope.counting.images_to_count import FileToCount, ImagesToCount, images_of_places
from adaptoscope.counting.output_places import CountOutputs, refuse_outputs
from adaptoscope.counting.post_processing import Blurred, Edges
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.datasets.point_tables import write_points, write_sharp_points
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.atomic_files import atomic_path, remove_partial_files
from adaptoscope.pipeline.adapted_source import adapted_source, refuse_to_adapt
from adaptoscope.pipeline.count_sources import (
    asked_source,
    calibrated_source,
    refuse_useless_source,
)
from adaptoscope.pipeline.counted_folder import CountedFolder
from adaptoscope.pipeline.front_door import path_of
from adaptoscope.training.settings import settings_from

if TYPE_CHECKING:
    from adaptoscope.counting.count_files import CountRun, ToCount
    from adaptoscope.counting.model_folder import CountingModel
    from adaptoscope.inference.network import Device
    from adaptoscope.pipeline.counters import Counter
    from adaptoscope.pipeline.front_door import Place


@dataclass(frozen=True)
class _Asked:
    """What was asked for, checked."""

    source: CounterSource
    settings: PredictSettings
    places: Sequence[Path]
    files: Sequence[FileToCount]
    outputs: CountOutputs
    regions: Path | None


def count_folder(
    images: str | Path | Sequence[str | Path],
    *,
    model: "Place | Counter | CountingModel" = "nuclei",
    out: str | Path | None = None,
    points: str | Path | None = None,
    overlays: str | Path | None = None,
    plot: str | Path | None = None,
    cells: str | Path | None = None,
    regions: str | Path | None = None,
    adapt: str | Path | None = None,
    workers: int | None = 1,
    overwrite: bool = False,
    channel: int | None = None,
    z: int | Literal["max"] | None = None,
    diameter_px: float | None = None,
    edges: Edges | None = None,
    blurred: Blurred | None = None,
    calibrated_by: str | Path | None = None,
    pixel_size_um: float | None = None,
    max_pixels: int = 1_000_000_000,
    device: "Device" = "auto",
    say: Callable[[str], object] | None = None,
) -> CountedFolder:
    """Count every image of a folder; an image that fails gets an error, never a number.

    Parameters
    ----------
    images
        An image, a folder of images, a counted-image folder, or several of these.
    model
        ``nuclei``, ``dog``, ``otsu_watershed``, a model folder, or a counter that is loaded, which
        one process alone can use and whose unfinished counts are not gone on with.
    out
        The table to write, as ``counts.csv``; None writes none.
    points
        Folder for ``points.csv``, the cell centres of all images.
    overlays
        Folder for one PNG per image.
    plot
        PNG file of the counts of all images.
    cells
        Table of all cells, as ``cells.csv``: centre, diameter, and for each channel of the file the
        mean of the cell's disc less the ground around it, in stored counts.
    regions
        Folder of label images, one for each image: every label is a region with a row of its own.
    adapt
        Folder to adapt the counter in first, to these images and without labels.
    workers
        Processes that share the images, each with one thread; the results do not depend on it. None
        takes as many as `worth_workers` says.
    overwrite
        Replace results that are there, and discard a count that was begun with other settings.
    channel
        Which channel to count, from 0, of images that have several.
    z
        Which focal plane to count, from 0, or ``max``.
    diameter_px
        Cell diameter in pixels, in place of what is measured or follows from the pixel sizes.
    edges
        Which cells cut by the border count, where the counter is a density.
    blurred
        Whether cells ``count`` that are blurred or faint beside the others of their image, or are
        left out (``skip``), where the counter is a density.
    calibrated_by
        A ``check.csv`` with two hand counts or more: they say how faint, blurred and cut cells are
        counted, where that is not told.
    pixel_size_um
        Edge of a pixel in micrometres, for images that do not tell it.
    max_pixels
        Larger images are refused where the file or the counter needs them whole.
    device
        Where networks run.
    say
        Called with a sentence when a count that was stopped goes on.

    Returns
    -------
    CountedFolder
        What was counted, and where.

    Raises
    ------
    InputError
        A path does not exist or holds no image; there is no such counter.
    SettingsError
        A setting is out of range, or asks of the counter what it cannot do.
    OutputError
        A place to write to is taken, cannot be written to, or holds an unfinished count with other
        settings.
    KeyboardInterrupt
        Says how many images are done.
    """
    settings = settings_from(
        {"channel": channel, "z": z, "pixel_size_um": pixel_size_um, "diameter_px": diameter_px,
         "edges": edges, "blurred": blurred, "max_pixels": max_pixels},
        PredictSettings,
    )  # fmt: skip
    given = [images] if isinstance(images, str | os.PathLike) else images
    places = [Path(each) for each in given]
    files, found = _listed(places, path_of(regions), channel)
    source = asked_source(model, device, settings)
    refuse_useless_source(
        source, settings, points=points, overlays=overlays, regions=regions, cells=cells
    )
    outputs = CountOutputs(
        path_of(out), path_of(points), path_of(overlays), path_of(plot), path_of(cells), overwrite
    )
    asked = _Asked(source, settings, places, files, outputs, path_of(regions))
    before = None if adapt is None else refuse_to_adapt(source, places, calibrated_by)
    verdict = calibrated = None
    with ExitStack() as stack:
        stack.callback(loaded.cache_clear)
        records = _records(asked, stack)
        known = source.identity() is not None
        refuse_outputs(outputs, files, places, begun=known and records.begun)
        # Of this process too, so that numbers do not depend on how many share the images.
        stack.enter_context(limited_threads(1))
        # A device or a folder that cannot be used is one error, before anything is begun.
        source = source.located()
        loaded(source)
        if (table := path_of(calibrated_by)) is not None:
            source, calibrated = calibrated_source(source, table, files, settings)
        asked = replace(asked, source=source)
        if adapt is not None and before is not None:
            adapted, verdict = adapted_source(
                before, places[0], Path(adapt), settings, overwrite=overwrite
            )
            asked = replace(asked, source=adapted.located())
        identity = _identity(asked)
        records.begin(identity, overwrite=overwrite)
        records = records.of_count(identity)
        if outputs.overlays is not None:
            remove_partial_files(outputs.overlays)
        if workers is None:
            workers = 1 if isinstance(source, LoadedCounter) else worth_workers(len(files))
        counted = _count(asked, records, workers, say)
    left_out = tuple(filter(None, (each.left_out() for each in found)))
    return replace(counted, left_out=left_out, adaptation=verdict, calibrated=calibrated)


def _listed(
    places: Sequence[Path], regions: Path | None, channel: int | None
) -> tuple[tuple[FileToCount, ...], tuple[ImagesToCount, ...]]:
    if not places:
        raise InputError("There is nothing to count.", expected="an image or a folder of images")
    if regions is not None and not regions.is_dir():
        raise InputError(
            f"There are no label images at {regions}.",
            expected="a folder with one label image for each image",
            found="a file" if regions.exists() else "nothing",
            remedy="check --regions",
        )
    return images_of_places(places, channel)


def _records(asked: _Asked, stack: ExitStack) -> CountRecords:
    """Return the records beside the table; without one, in a folder that goes with this call."""
    kept = asked.outputs.records()
    if kept is not None:
        return kept
    return CountRecords(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "records")


def _identity(asked: _Asked) -> dict[str, object] | None:
    """Return everything that results depend on beside the images; None where that is not known."""
    counter = asked.source.identity()
    if counter is None:
        return None
    places = {"regions": asked.regions, **asked.outputs.places}
    return {
        "version": __version__,
        "counter": counter,
        "settings": asked.settings.model_dump(mode="json"),
        "images": [os.path.realpath(place) for place in asked.places],
        **{name: os.path.realpath(place) for name, place in places.items() if place is not None},
    }


def _count(
    asked: _Asked, records: CountRecords, workers: int, say: Callable[[str], object] | None
) -> CountedFolder:
    """Count what is not counted yet, and write the results of all."""
    # From here on there is work to do, and the libraries for it are worth loading.
    from adaptoscope.counting.count_files import CountRun, ToCount

    source = asked.source
    measure = asked.outputs.cells is not None
    run = CountRun(source, asked.settings, records, asked.regions, measure=measure)
    overlays: Sequence[Path | None] = [None] * len(asked.files)
    if asked.outputs.overlays is not None:
        from adaptoscope.pipeline.count_pictures import overlay_of
        from adaptoscope.reporting.overlays import overlay_names

        run = replace(run, draw=overlay_of)
        names = overlay_names([file.name for file in asked.files])
        overlays = [asked.outputs.overlays / name for name in names]
    tasks = [ToCount(*each) for each in zip(asked.files, overlays, strict=True)]
    with _kept_if_stopped(run, tasks, asked.outputs):
        todo = [task for task in tasks if not run.is_done(task)]
        if say is not None and len(todo) < len(tasks):
            before = len(tasks) - len(todo)
            say(f"{before} of {len(tasks)} images were counted before; going on.")
        run.count(todo, workers=workers)
        counted = _written(asked.outputs, run, tasks)
    records.remove()
    return counted


def _written(outputs: CountOutputs, run: "CountRun", tasks: Sequence["ToCount"]) -> CountedFolder:
    """Write what was asked for, the table last."""
    counter = loaded(run.source)
    rows: list[PredictedCount] = []
    distances: list[float] = []
    for task in tasks:
        found = run.found_in(task)
        rows += found.rows
        if found.distance is not None:
            distances.append(found.distance)
    known = counter.record.known
    summary = summarise_counts(rows, known.change_of_domain(distances) if known else "")
    if outputs.points_table is not None:
        _write_points(outputs.points_table, run, tasks)
    if outputs.cells is not None:
        write_cell_table(outputs.cells, lambda: ((task.name, run.found_in(task)) for task in tasks))
    if outputs.plot is not None:
        from adaptoscope.pipeline.count_pictures import plot_of

        with atomic_path(outputs.plot) as temporary:
            temporary.write_bytes(plot_of(rows, counter.name))
    if outputs.table is not None:
        write_count_table(outputs.table, rows)
    return CountedFolder(counter.name, rows, summary, outputs.places)


def _write_points(path: Path, run: "CountRun", tasks: Sequence["ToCount"]) -> None:
    """Write one image after the other, so that one image's centres are held at a time."""
    found = ((task.name, run.found_in(task)) for task in tasks)
    if loaded(run.source).density is not None:
        sharp = (
            (name, one.points, one.sharpness)
            for name, one in found
            if one.points is not None and one.sharpness is not None
        )
        write_sharp_points(path, sharp)
    else:
        write_points(path, ((name, one.points) for name, one in found if one.points is not None))


@contextmanager
def _kept_if_stopped(
    run: "CountRun", tasks: Sequence["ToCount"], outputs: CountOutputs
) -> Iterator[None]:
    """Say of a count that is stopped how far it came."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Interrupted. {_kept(run, tasks, outputs)}") from None
    except OSError as error:
        raise OutputError(
            "The results of the count cannot be written.",
            expected="places that can be written to, and room on the disk",
            found=str(error),
            remedy=f"check the free space and your rights. {_kept(run, tasks, outputs)}",
        ) from error


def _kept(run: "CountRun", tasks: Sequence["ToCount"], outputs: CountOutputs) -> str:
    done = sum(run.is_done(task) for task in tasks)
    if outputs.table is None or run.source.identity() is None:
        return f"{done} of {len(tasks)} images were counted; nothing of them is kept."
    return f"{done} of {len(tasks)} images are counted and kept; the same command goes on."
