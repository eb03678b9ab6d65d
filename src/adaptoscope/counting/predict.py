"""Count images nobody has counted and write the table ``counts.csv``."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import AdaptoscopeError, InputError, OutputError
from adaptoscope.images.files import MicroscopyImage, atomic_path, read_image
from adaptoscope.training.progress import progress

COLUMNS = (
    "image",
    "count",
    "lower",
    "upper",
    "flag",
    "region",
    "area_mm2",
    "per_mm2",
    "pixel_size_um",
    "diameter_px",
    "model",
    "error",
)
Z = int | Literal["max"] | None


@dataclass(frozen=True)
class PredictedCount:
    """One row of ``counts.csv``; None where nothing is known.

    Parameters
    ----------
    image
        Name of the file.
    count
        Number of cells, not rounded; None where the image failed, and then ``error`` says why.
    lower, upper
        95 % interval of the count, where the counter has been calibrated.
    flag
        Reason to look at the image oneself.
    region
        Part of the image that was counted.
    area_mm2, per_mm2, pixel_size_um
        Area, cells per area and pixel size, where the pixel size is known.
    diameter_px
        Cell diameter in pixels that the counter measured or expects.
    model
        Name of the counter.
    error
        Why the image failed.
    """

    image: str
    count: float | None = None
    lower: float | None = None
    upper: float | None = None
    flag: str = ""
    region: str = "all"
    area_mm2: float | None = None
    per_mm2: float | None = None
    pixel_size_um: float | None = None
    diameter_px: float | None = None
    model: str = ""
    error: str = ""

    def as_row(self) -> list[str]:
        """Return the row as text, numbers with at most six figures."""
        values = [getattr(self, column) for column in COLUMNS]
        return [_as_text(value) for value in values]


def predict_counts(
    model: CountingModel,
    images: Path,
    out_csv: Path,
    *,
    channel: int | None = None,
    z: Z = None,
    pixel_size_um: float | None = None,
) -> list[PredictedCount]:
    """Count every image of a folder; an image that fails gets an error, never a number.

    Parameters
    ----------
    model
        The counter.
    images
        One image, a folder of images, or a counted-image folder.
    out_csv
        The table to write, whole or not at all.
    channel, z
        Which channel and plane to count, as in `read_image`.
    pixel_size_um
        Edge of a pixel in micrometres for files that do not tell.

    Returns
    -------
    list of PredictedCount
        In the order of the files.

    Raises
    ------
    InputError
        The folder does not exist or holds no image.
    OutputError
        ``out_csv`` is a folder.
    """
    if Path(out_csv).is_dir():
        raise OutputError(
            f"The table cannot be written to {out_csv}.",
            expected="a file name, for example counts.csv",
            found="a folder",
            remedy=f"give --out {Path(out_csv) / 'counts.csv'}",
        )
    rows = [
        _predict(model, name, path, channel, z, size or pixel_size_um)
        for name, path, size in progress(list(_files(Path(images))), "count")
    ]
    with (
        atomic_path(out_csv) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(row.as_row() for row in rows)
    return rows


def count_image(
    model: CountingModel, image: MicroscopyImage, *, pixel_size_um: float | None = None
) -> PredictedCount:
    """Count one image that has been read.

    Parameters
    ----------
    model
        The counter.
    image
        The image.
    pixel_size_um
        Used where the image does not tell its pixel size.
    """
    counted = model.counter.count(image.pixels)
    calibration = model.record.calibration
    lower, upper = calibration.interval(counted.count) if calibration else (None, None)
    size = image.pixel_size_um or pixel_size_um
    area = image.pixels.size * (size / 1000) ** 2 if size else None
    return PredictedCount(
        image=image.name,
        count=counted.count,
        lower=lower,
        upper=upper,
        area_mm2=area,
        per_mm2=counted.count / area if area else None,
        pixel_size_um=size,
        diameter_px=counted.diameter_px,
        model=model.name,
    )


def _files(images: Path) -> Iterator[tuple[str, Path, float | None]]:
    if images.is_file():
        yield images.name, images, None
        return
    if not images.is_dir():
        raise InputError(
            f"There is nothing to count at {images}.",
            expected="an image or a folder of images",
            found="no such file or folder",
            remedy="check the path",
        )
    opened = open_counted_images(images)
    for record in opened:
        yield record.name, opened.path(record), record.pixel_size_um


def _predict(
    model: CountingModel,
    name: str,
    path: Path,
    channel: int | None,
    z: Z,
    pixel_size_um: float | None,
) -> PredictedCount:
    try:
        image = read_image(path, channel=channel, z=z)
        return count_image(model, image, pixel_size_um=pixel_size_um)
    except AdaptoscopeError as error:
        return PredictedCount(name, model=model.name, error=" ".join(str(error).split()))


def _as_text(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.6g}"
