"""Count images nobody has counted and write the table ``counts.csv``."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from adaptoscope.counting.cell_size import (
    WITHOUT_PLACES,
    count_cells,
    counts_in_parts,
    diameter_of,
    flags_of,
    pixel_size_flag,
    refuse_unmeasured,
)
from adaptoscope.counting.count_table import PredictedCount, write_count_table
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.edges import at_edges
from adaptoscope.counting.images_to_count import (
    FileToCount,
    images_to_count,
    opened_image,
)
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.counting.output_places import refuse_places
from adaptoscope.counting.outside import Look
from adaptoscope.counting.reading import Edges
from adaptoscope.counting.regions import count_regions
from adaptoscope.datasets.point_tables import write_points
from adaptoscope.errors import AdaptoscopeError, SettingsError
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.files import MicroscopyImage
from adaptoscope.images.large_images import LargeImage, sample_of
from adaptoscope.training.progress import progress
from adaptoscope.training.settings import Settings


class PredictSettings(Settings):
    """How images are read and counted."""

    channel: int | None = None
    """Which channel to count, from 0, of images that have several."""

    z: int | Literal["max"] | None = None
    """Which focal plane to count, from 0, or the brightest values along the stack."""

    pixel_size_um: float | None = Field(None, gt=0)
    """Edge of a pixel in micrometres, for files that do not tell."""

    edges: Edges | None = None
    """Which cells cut by the border of an image count, where the counter is a density; None: as the
    counter does."""

    diameter_px: float | None = Field(None, gt=0)
    """Cell diameter in pixels, in place of what is measured or follows from the pixel sizes."""

    max_pixels: int = Field(1_000_000_000, ge=1)
    """Images of more pixels are refused where the file or the counter needs them whole."""


@dataclass(frozen=True, eq=False)
class CountedImage:
    """An image that was counted, for those who show it.

    Parameters
    ----------
    image
        The image; a large one can be read only until the next one is counted.
    found
        What the counter says of it.
    row
        The row of the whole image.
    distance
        How unlike the training images it looks; None where the counter does not know them.
    """

    image: MicroscopyImage | LargeImage
    found: ImageCount
    row: PredictedCount
    distance: float | None = None


def predict_counts(
    model: CountingModel,
    images: Path,
    out_csv: Path,
    settings: PredictSettings | None = None,
    *,
    regions: Path | None = None,
    points: Path | None = None,
    overwrite: bool = False,
    on_counted: Callable[[CountedImage], object] | None = None,
) -> list[PredictedCount]:
    """Count every image of a folder; an image that fails gets an error, never a number.

    Parameters
    ----------
    model
        The counter.
    images
        One image, a folder of images, or a counted-image folder.
    out_csv
        The table to write, whole or not at all, after everything else.
    settings
        How images are read and counted.
    regions
        Folder of label images, one for each image: every label is a region with a row of its own.
    points
        Folder to write the cell centres of all images into, as ``points.csv``.
    overwrite
        Replace tables that are there.
    on_counted
        Called after each image that was counted.

    Returns
    -------
    list of PredictedCount
        In the order of the files; the rows of an image's regions follow that of the whole image.

    Raises
    ------
    InputError
        The folder does not exist or holds no image.
    SettingsError
        The counter gives no cell centres, and they are needed; or has no use for a diameter.
    OutputError
        A table is there already, or cannot be written at this place.
    """
    settings = settings or PredictSettings()
    model = at_edges(model, settings.edges)
    listed = images_to_count(Path(images))
    refuse_places(out_csv, points, images, overwrite=overwrite)
    refuse_missing_centres(model, **{"--regions": regions, "--points": points})
    rows: list[PredictedCount] = []
    centres: list[tuple[str, Points]] = []
    distances: list[float] = []
    for file in progress(listed.files, "count"):
        with ExitStack() as opened:
            try:
                image = opened.enter_context(_opened(model, file, settings))
                counted = count_image(model, image, settings)
            except SettingsError:
                raise
            except AdaptoscopeError as error:
                rows.append(PredictedCount(file.name, model=model.name, error=_in_one_line(error)))
                continue
            rows.append(counted.row)
            if counted.distance is not None:
                distances.append(counted.distance)
            if regions is not None:
                rows += _region_rows(counted, Path(regions))
            if points is not None and counted.found.points is not None:
                centres.append((file.name, np.round(counted.found.points, 2)))
            if on_counted is not None:
                on_counted(counted)
    if points is not None:
        write_points(Path(points) / "points.csv", centres)
    write_count_table(out_csv, rows)
    return rows


def count_image(
    model: CountingModel,
    image: MicroscopyImage | LargeImage,
    settings: PredictSettings | None = None,
) -> CountedImage:
    """Count one image that has been read.

    Parameters
    ----------
    model
        The counter.
    image
        The image.
    settings
        Its cell diameter, if that is known; how the image was read has no meaning here.
    """
    diameter = settings.diameter_px if settings else None
    found = count_cells(model, image, diameter_px=diameter)
    sample = found.shown
    if sample is None:
        sample = sample_of(image if isinstance(image, LargeImage) else image.pixels)
    refuse_unmeasured(model, image.name, sample, found)
    look = _look(model, sample, image, found)
    size = pixel_size_flag(model, image.pixel_size_um)
    flag = "; ".join(filter(None, [size, *flags_of(model, sample, found, look)]))
    # An interval holds for images like those that the errors were measured on, and for no others.
    calibration = model.record.calibration if not flag and (look is None or look.usual) else None
    lower, upper = calibration.interval(found.count) if calibration else (None, None)
    area = _area_mm2(image.shape[0] * image.shape[1], image.pixel_size_um)
    row = PredictedCount(
        image=image.name,
        count=found.count,
        lower=lower,
        upper=upper,
        flag=flag,
        area_mm2=area,
        per_mm2=found.count / area if area else None,
        pixel_size_um=image.pixel_size_um,
        diameter_px=diameter or diameter_of(model, found),
        model=model.name,
    )
    return CountedImage(image, found, row, look.distance if look else None)


def _look(
    model: CountingModel,
    sample: npt.NDArray[np.float32],
    image: MicroscopyImage | LargeImage,
    found: ImageCount,
) -> Look | None:
    """Compare an image with those of training; of a large one, the sample that is measured."""
    if model.record.known is None:
        return None
    share = sample.size / (image.shape[0] * image.shape[1])
    return model.record.known.look(sample, replace(found, count=found.count * share))


def refuse_missing_centres(model: CountingModel, **wanted: object) -> None:
    """Refuse outputs that need cell centres, where a counter gives a number alone.

    Parameters
    ----------
    model
        The counter.
    wanted
        From the name of an option to its value; None where it was not given.

    Raises
    ------
    SettingsError
        If one was given and the counter finds no centres.
    """
    given = [name for name, value in wanted.items() if value is not None]
    if given and model.record.kind in WITHOUT_PLACES:
        raise SettingsError(
            f"The counter {model.name} does not say where the cells are.",
            expected="a counter that finds cell centres, as centres, fcrn_a, dog, otsu_watershed",
            found=f"{', '.join(given)} with a counter of the kind {model.record.kind}",
            remedy=f"leave out {' and '.join(given)}, or choose another --model",
        )


@contextmanager
def _opened(
    model: CountingModel, file: FileToCount, settings: PredictSettings
) -> Iterator[MicroscopyImage | LargeImage]:
    """Open one image with its pixel size: that of the list, else the file's, else the given one."""
    with opened_image(
        file.path,
        channel=settings.channel,
        z=settings.z,
        max_pixels=settings.max_pixels,
        in_parts=counts_in_parts(model),
    ) as image:
        size = file.pixel_size_um or image.pixel_size_um or settings.pixel_size_um
        yield replace(image, pixel_size_um=size)


def _region_rows(counted: CountedImage, regions: Path) -> list[PredictedCount]:
    """Return a row for each region; one with the error where they cannot be told."""
    image, whole, points = counted.image, counted.row, counted.found.points
    blank = replace(
        whole, region="", count=None, lower=None, upper=None, area_mm2=None, per_mm2=None
    )
    if points is None:
        raise AssertionError(f"{whole.model} was expected to give cell centres")
    try:
        in_parts = isinstance(image, LargeImage)
        found = count_regions(regions, image.name, image.shape, points, in_parts=in_parts)
    except AdaptoscopeError as error:
        return [replace(blank, error=_in_one_line(error))]
    rows = []
    for region in found:
        area = _area_mm2(region.pixels, image.pixel_size_um)
        density = region.count / area if area else None
        name, count = str(region.label), float(region.count)
        rows.append(replace(blank, region=name, count=count, area_mm2=area, per_mm2=density))
    return rows


def _area_mm2(pixels: int, pixel_size_um: float | None) -> float | None:
    return pixels * (pixel_size_um / 1000) ** 2 if pixel_size_um else None


def _in_one_line(error: AdaptoscopeError) -> str:
    summary, *details = (" ".join(line.split()) for line in str(error).splitlines())
    return f"{summary} {'; '.join(details)}".rstrip()
