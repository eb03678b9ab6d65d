"""Count one image that nobody has counted: its row, its regions, and why it should be looked at."""

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.cell_intensities import channel_intensities
from adaptoscope.counting.count_image import (
    count_cells,
    diameter_of,
    flags_of,
    pixel_size_flag,
    refuse_unmeasured,
)
from adaptoscope.counting.count_table import PredictedCount
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.images_to_count import FileToCount, opened_image
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.counting.out_of_distribution import Look
from adaptoscope.counting.regions import count_regions
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import AdaptoscopeError, SettingsError, printable
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.imageio.large_images import LargeImage, sample_of
from adaptoscope.imageio.pixel_size import with_pixel_size
from adaptoscope.images.cell_centres import Points

LONGEST_ERROR = 700
"""Most characters of the error of one image."""

# Characters of each part of an error that is shortened.
_LEAST_PART = 100


@dataclass(frozen=True, eq=False)
class CountedImage:
    """An image that was counted, for those who show it.

    Parameters
    ----------
    image
        The image; a large one can be read only until the next one is counted.
    row
        The row of the whole image.
    distance
        How unlike the training images it looks; None where the counter does not know them.
    """

    image: MicroscopyImage | LargeImage
    found: ImageCount
    row: PredictedCount
    distance: float | None = None


@dataclass(frozen=True, eq=False)
class MeasuredCells:
    """What is known of the cells of one image besides their centres.

    Parameters
    ----------
    diameter_px
        Of the discs that were measured: the usual diameter of the image's cells.
    intensities
        From channel to shape (N,), as `channel_intensities` gives them, rounded.
    """

    diameter_px: float
    intensities: dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class CountedFile:
    """What came of one file.

    Parameters
    ----------
    rows
        That of the whole image, then one for each region.
    points
        Cell centres, shape (N, 2), (row, column) in pixels, rounded to two decimals; None where the
        counter gives no positions.
    sharpness
        Of each cell, shape (N,), as in `ImageCount`.
    distance
        As in `CountedImage`.
    cells
        Diameter and intensities of the cells, where they were asked for and are known.
    """

    rows: tuple[PredictedCount, ...]
    points: Points | None = None
    sharpness: npt.NDArray[np.float64] | None = None
    distance: float | None = None
    picture: bytes | None = None
    cells: MeasuredCells | None = None


def count_file(
    model: CountingModel,
    file: FileToCount,
    settings: PredictSettings,
    *,
    regions: Path | None = None,
    draw: Callable[[CountedImage], bytes] | None = None,
    measure: bool = False,
) -> CountedFile:
    """Read and count one file; whatever is wrong with it costs no other image.

    Parameters
    ----------
    regions
        Folder of label images, one for each image: every label is a region with a row of its own.
    measure
        Also measure every cell in every channel.

    Returns
    -------
    CountedFile
        With one row and the error in it where the image failed. Where only the picture failed,
        the error stands beside the count.
    """
    try:
        with _opened(model, file, settings) as image:
            counted = count_image(model, image, settings)
            rows = [counted.row]
            if regions is not None:
                rows += _region_rows(counted, regions)
            picture, cells = None, None
            if measure:
                cells = _measured(file, counted, settings)
            if draw is not None:
                try:
                    picture = draw(counted)
                except Exception as error:  # noqa: BLE001 - a picture costs no count
                    said = said_of(error, file.path)
                    rows[0] = replace(rows[0], error=f"no overlay: {said}")
    except SettingsError:
        raise
    except Exception as error:  # noqa: BLE001 - an image costs no other image
        failed = PredictedCount(file.name, model=model.name, error=said_of(error, file.path))
        return CountedFile((failed,))
    points = counted.found.points
    rounded = None
    if points is not None:
        rounded = np.round(points_inside(points, counted.image.shape), 2)
    sharpness = counted.found.sharpness
    sharp = None if sharpness is None else np.round(sharpness, 3)
    return CountedFile(tuple(rows), rounded, sharp, counted.distance, picture, cells)


def _measured(
    file: FileToCount, counted: CountedImage, settings: PredictSettings
) -> MeasuredCells | None:
    """Measure the cells of an image in all channels of its file."""
    points, diameter = counted.found.points, counted.row.diameter_px
    if points is None or diameter is None:
        return None
    intensities = channel_intensities(
        file.path,
        points_inside(points, counted.image.shape),
        diameter,
        channel=None if file.is_channel else settings.channel,
        z=settings.z,
        max_pixels=settings.max_pixels,
    )
    return MeasuredCells(diameter, {str(n): np.round(v, 3) for n, v in intensities.items()})


def points_inside(points: Points, shape: tuple[int, int]) -> Points:
    """Move the centre of a cell that the border cuts to the border, where it lies outside."""
    return np.clip(points, 0.0, np.array(shape, np.float64) - 1.0)


def said_of(error: Exception, path: Path | None = None) -> str:
    """Say in one line, of at most `LONGEST_ERROR` characters, what was wrong with an image.

    With ``ADAPTOSCOPE_TRACEBACK=1`` the traceback of an error that nobody foresaw goes to standard
    error besides.

    Parameters
    ----------
    path
        Of the image, which is called by its base name: the row says which it is.
    """
    if isinstance(error, AdaptoscopeError):
        parts = [" ".join(line.split()) for line in str(error).splitlines()]
    elif isinstance(error, MemoryError):
        parts = ["There is not enough memory for this image."]
    else:
        parts = [" ".join(f"unforeseen fault, {type(error).__name__}: {error}".split())]
    if not isinstance(error, AdaptoscopeError) and os.environ.get("ADAPTOSCOPE_TRACEBACK") == "1":
        traceback.print_exception(error)
    known = parts if path is None else [part.replace(str(path), path.name) for part in parts]
    parts = [printable(part, keep="") for part in known]
    excess = sum(map(len, parts)) + len("; ") * len(parts) - LONGEST_ERROR
    # What was found can be any length; the remedy, which is last, is what a person needs most.
    for begin in ("found:", "expected:", ""):
        for place, part in enumerate(parts):
            if excess > 0 and part.startswith(begin):
                parts[place] = _without_middle(part, max(_LEAST_PART, len(part) - excess))
                excess -= len(part) - len(parts[place])
    summary, *details = parts
    return f"{summary} {'; '.join(details)}".rstrip()


def _without_middle(text: str, room: int) -> str:
    half = (room - 1) // 2
    return text if len(text) <= room else f"{text[:half]}…{text[-half:]}"


def look_at(model: CountingModel, file: FileToCount, settings: PredictSettings) -> ImageCount:
    """Say what a counter sees in one file; no row is made of it."""
    with _opened(model, file, settings) as image:
        return count_cells(model, image, diameter_px=settings.diameter_px)


def count_image(
    model: CountingModel,
    image: MicroscopyImage | LargeImage,
    settings: PredictSettings | None = None,
) -> CountedImage:
    """Count one image that has been read.

    Parameters
    ----------
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
    unlike = [size, *flags_of(model, sample, found, look, diameter_px=diameter)]
    flag = "; ".join(filter(None, [image.pixel_size_remark, *unlike]))
    # An interval holds for images like those that the errors were measured on, and for no others.
    usual = not any(unlike) and (look is None or look.usual)
    calibration = model.record.calibration if usual else None
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


@contextmanager
def _opened(
    model: CountingModel, file: FileToCount, settings: PredictSettings
) -> Iterator[MicroscopyImage | LargeImage]:
    """Open one image with its pixel size: that of the list, else the file's, else the given one."""
    with opened_image(
        file.path,
        channel=None if file.is_channel else settings.channel,
        z=settings.z,
        max_pixels=settings.max_pixels,
        in_parts=model.density is not None,
    ) as image:
        image = replace(image, name=file.name)
        if file.pixel_size_um:
            image = with_pixel_size(image, file.pixel_size_um, "the list of images")
        elif given := settings.pixel_size_um:
            image = with_pixel_size(image, given, "--pixel-size-um", only_unknown=True)
        yield image


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
    except Exception as error:  # noqa: BLE001 - the count of the whole image is right all the same
        return [replace(blank, error=said_of(error))]
    rows = []
    for region in found:
        area = _area_mm2(region.pixels, image.pixel_size_um)
        density = region.count / area if area else None
        name, count = str(region.label), float(region.count)
        rows.append(replace(blank, region=name, count=count, area_mm2=area, per_mm2=density))
    return rows


def _area_mm2(pixels: int, pixel_size_um: float | None) -> float | None:
    return pixels * (pixel_size_um / 1000) ** 2 if pixel_size_um else None
