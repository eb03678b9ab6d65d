"""Images read for training: normalised, their cells brought to one size, their border mirrored."""

import math

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.annotation_refinement import refine_annotations
from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.image_level_labels import cells_of, images_with_cells
from adaptoscope.counting.learning_set import usual_diameter
from adaptoscope.counting.peaks import BORDER
from adaptoscope.counting.settings import CountingSettings
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.imitation import common_pixel_size
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.images.cell_centres import Points, no_points
from adaptoscope.images.normalisation import common_range, measure_range
from adaptoscope.images.resampling import Resampling, scaled


def read_training_images(
    images: CountedImageSet, settings: CountingSettings, *, labels: bool = True
) -> TrainingImages:
    """Read images into memory, normalise them and bring their cells to one size.

    Parameters
    ----------
    labels
        Read the cells, and leave images without labels out (`images_with_cells`); otherwise all
        images are read and no label is.
    settings
        Side of the crops, what to do with smaller images, normalisation, and with a density head
        the cell diameter that images are brought to.
    """
    labelled = images_with_cells(images, settings) if labels else images
    if labels:
        check_labels(labelled)
    raw, sizes, hashes = [], [], {}
    for record in labelled:
        image = labelled.read(record)
        raw.append(image.pixels)
        sizes.append(image.pixel_size_um)
        hashes[record.file_name] = image.sha256
    diameter = usual_diameter(labelled, raw)
    changes = [_to_working_size(pixels.shape, diameter, settings) for pixels in raw]
    for record, change in zip(labelled, changes, strict=True):
        _refuse_small(record.file_name, change.new_shape, settings)
    ranges = [measure_range(pixels) for pixels in raw]
    shared = common_range(ranges)
    used = _ranges_used(settings, ranges, shared)
    marked = [cells_of(labelled, record) if labels else no_points() for record in labelled]
    if settings.working_diameter is not None:
        if settings.refines_annotations and diameter is not None:
            marked = [
                refine_annotations(points, image, one, diameter)
                for points, image, one in zip(marked, raw, ranges, strict=True)
            ]
        prepared = [
            at_working_size(one.apply(image), points, change)
            for one, image, points, change in zip(used, raw, marked, changes, strict=True)
        ]
    else:
        normalised = [one.apply(image) for one, image in zip(used, raw, strict=True)]
        prepared = list(zip(normalised, marked, strict=True))
    pixels, points = [each for each, _ in prepared], [each for _, each in prepared]
    return TrainingImages(pixels, points, hashes, shared, diameter, common_pixel_size(sizes))


def _ranges_used(
    settings: CountingSettings, ranges: list[IntensityRange], shared: IntensityRange
) -> list[IntensityRange]:
    if settings.normalisation == "image":
        return ranges
    if settings.normalisation == "set":
        return [shared] * len(ranges)
    span = shared.high - shared.low
    return [IntensityRange(one.low, one.low + span) for one in ranges]


def at_working_size(
    pixels: npt.NDArray[np.float32], points: Points, change: Resampling
) -> tuple[npt.NDArray[np.float32], Points]:
    """Show an image as a density counter sees it: at its working size, going on at the border.

    Parameters
    ----------
    pixels
        Shape (H, W), normalised.
    points
        Cell centres, shape (N, 2), (row, column) in pixels.
    change
        From the size of the image to the working size.

    Returns
    -------
    tuple
        Pixels and points with `BORDER` mirrored pixels on each side, fewer where the image itself
        has fewer; mirrored cells are listed too.
    """
    width = min(BORDER, *change.new_shape)
    whole = np.pad(change.part(pixels, 0, 0, *change.new_shape), width, mode="symmetric")
    shown = change.points_after(points)
    for axis, side in enumerate(change.new_shape):
        for fold in (-1.0, 2.0 * side - 1.0):
            copy = shown.copy()
            copy[:, axis] = fold - copy[:, axis]
            near = (copy[:, axis] > -0.5 - width) & (copy[:, axis] < side - 0.5 + width)
            shown = np.concatenate([shown, copy[near]])
    return whole, shown + width


def _to_working_size(
    shape: tuple[int, ...], diameter: float | None, settings: CountingSettings
) -> Resampling:
    height, width = shape
    if settings.working_diameter is None:
        return Resampling((height, width), (height, width))
    if diameter is None:
        raise InputError(
            "No cell of the training images can be measured.",
            expected="a cell diameter in the column cell_diameter_px, or cells that can be seen",
            found="neither",
            remedy="check the channel, or add the column to metadata.csv",
        )
    return scaled((height, width), settings.working_diameter / diameter)


def _refuse_small(name: str, shape: tuple[int, int], settings: CountingSettings) -> None:
    needed = math.ceil(settings.crop * settings.scale_jitter)
    if settings.pad == "refuse" and min(shape) < needed:
        raise InputError(
            f"The image {name} is smaller than a training crop.",
            expected=f"at least {needed} x {needed} pixels",
            found=f"{shape[0]} x {shape[1]} pixels",
            remedy=f"set crop to {int(min(shape) / settings.scale_jitter)} or less, or pad to "
            "reflect",
        )
