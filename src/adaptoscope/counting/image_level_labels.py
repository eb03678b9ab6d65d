"""Images whose cells were counted but not marked: what can be learnt from them, and from which not.

Such an image says how many cells it shows, and nothing of any part of it. So only a regressor can
learn from it, and only from the whole of it.
"""

import numpy as np

from adaptoscope.counting.settings import CountingSettings
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points


def images_with_cells(images: CountedImageSet, settings: CountingSettings) -> CountedImageSet:
    """Return the images of a set that a counter can learn from.

    Returns
    -------
    CountedImageSet
        Those whose cells are marked; where none is marked, those that were counted.
    """
    marked = images.labelled()
    if len(marked):
        return marked
    counted = images.with_records(record for record in images if record.count is not None)
    if not len(counted):
        joined = images.folder / "marks"
        remedy = "mark some images"
        if joined.is_dir():
            remedy = f"join the files in {joined}: python docs/marks_to_points.py {images.folder}"
        raise InputError(
            f"No image of {images.folder} has its cells marked.",
            expected="images with cell centres in points.csv",
            found=f"{len(images)} unlabelled images",
            remedy=f"{remedy}; or count with `nuclei`, which needs no labels and no training",
        )
    _refuse_parts(counted, settings)
    return counted


def cells_of(images: CountedImageSet, record: ImageRecord) -> Points:
    """Return the cells of an image, shape (N, 2), (row, column) in pixels.

    Parameters
    ----------
    images
        The set, as `images_with_cells` gives it.
    record
        One of its images. If it is only counted, all cells are said to be in its middle, which no
        crop of the whole image and no turn of it leaves out.
    """
    if record.labelled:
        return images.points(record)
    height, width = images.size(record)
    middle = ((height - 1) / 2, (width - 1) / 2)
    return np.tile(np.array(middle, dtype=np.float64), (record.count or 0, 1))


def _refuse_parts(images: CountedImageSet, settings: CountingSettings) -> None:
    what = f"The images of {images.folder} are counted, but their cells are not marked."
    if settings.working_diameter is not None:
        raise InputError(
            what,
            expected="cell centres in points.csv, since the head "
            f"{settings.head} learns where cells are",
            found=f"{len(images)} images with a count only",
            remedy="use the head regressor, or images with points",
        )
    if settings.regime == "dacs":
        raise InputError(
            what,
            expected="cell centres in points.csv, since dacs cuts boxes out of images",
            found=f"{len(images)} images with a count only",
            remedy="choose the regime fine_tuned or dual, or images with points",
        )
    side = settings.crop
    other = [record for record in images if images.size(record) != (side, side)]
    if other or settings.scale_jitter != 1:
        height, width = images.size(other[0]) if other else (side, side)
        raise InputError(
            what,
            expected="crops that show whole images: crop their side, and scale_jitter 1",
            found=f"images of {height} x {width} pixels, crop {side}, "
            f"scale_jitter {settings.scale_jitter:g}",
            remedy=f"set crop to {height} and scale_jitter to 1"
            if height == width
            else "cut the images square, or use images with points",
        )
