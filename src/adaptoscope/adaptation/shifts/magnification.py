"""Another magnification of the same field: pixels, label images and cell centres alike.

The middle of the image stays where it is. By the half-pixel rule of `images.cell_centres` a place r
of an image of side n goes to (r - (n - 1) / 2) * factor + (n - 1) / 2, for any factor, whole
numbers of pixels or not. A factor below 1 leaves a rim, which shows the field mirrored at its
borders: mirrored cells are cells of the new image, each with a label and a centre of its own, also
where a cell cut by the border touches its mirror image.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points, inside_window
from adaptoscope.images.windows import mirrored_places

FloatImage = NDArray[np.float32]

SMALLEST_FACTOR = 1 / 3
"""Below it the rim is wider than one mirror image."""


def magnify(pixels: FloatImage, factor: float) -> FloatImage:
    """Change the magnification of an image (H, W) in any unit, keeping its size.

    Linear between pixels, so that no intensity leaves the range of the image. Before an image is
    shrunk it is blurred with a standard deviation of (1 / factor - 1) / 2 pixels against aliases;
    it is continued by its mirror image. The factor is at least a third.
    """
    _check(pixels.shape, factor)
    image = np.array(pixels, dtype=np.float32)
    if factor == 1:
        return image
    if factor < 1:
        image = ndimage.gaussian_filter(image, (1 / factor - 1) / 2, mode="reflect")
    moved = ndimage.affine_transform(
        image, np.full(2, 1 / factor), _offset(image.shape, factor), order=1, mode="reflect"
    )
    return np.asarray(moved, dtype=np.float32)


def magnify_labels(labels: NDArray[np.integer], factor: float) -> NDArray[np.uint16]:
    """Change the magnification of a label image: every pixel takes its nearest label.

    Labels are kept for factors of 1 and above; below 1 cells are numbered anew from 1, so that no
    cell shares its number with its mirror images.
    """
    _check(labels.shape, factor)
    rows, columns = (_sources(side, factor) for side in labels.shape)
    height, width = labels.shape
    inside = np.ix_(mirrored_places(rows, height), mirrored_places(columns, width))
    found = labels[inside].astype(np.uint16)
    if factor >= 1:
        return found
    # Which of the nine pictures of the field a pixel shows: the middle one or one mirrored.
    pictures = 3 * (rows // height)[:, None] + (columns // width)[None, :] + 4
    keys = np.where(found > 0, found.astype(np.int64) * 9 + pictures, -1)
    present, numbers = np.unique(keys, return_inverse=True)
    number = numbers.reshape(keys.shape) + (0 if present[0] == -1 else 1)
    if number.max() > np.iinfo(np.uint16).max:
        raise InputError(
            "A label image shows more cells than it can number.",
            expected="at most 65535 cells, mirrored ones included",
            found=str(number.max()),
            remedy="leave the mask out, or choose a scale of at least 1",
        )
    return np.asarray(number, dtype=np.uint16)


def magnify_points(points: Points, shape: tuple[int, int], factor: float) -> Points:
    """Move cell centres (N, 2) with the magnification; those that leave the image are dropped.

    Below a factor of 1 the centres of the field come first, then those of its mirror images.
    """
    _check(shape, factor)
    shown = [points]
    if factor < 1:
        sides = np.array(shape, dtype=np.float64)
        for picture in np.ndindex(3, 3):
            place = np.array(picture) - 1
            copies = np.where(place == 0, points, np.where(place < 0, -1, 2 * sides - 1) - points)
            shown += [copies[~inside_window(copies, 0, 0, *shape)]] if place.any() else []
    middle = (np.array(shape, dtype=np.float64) - 1) / 2
    moved = (np.concatenate(shown) - middle) * factor + middle
    return np.asarray(moved[inside_window(moved, 0, 0, *shape)])


def _offset(shape: tuple[int, ...], factor: float) -> NDArray[np.float64]:
    return (np.array(shape, dtype=np.float64) - 1) / 2 * (1 - 1 / factor)


def _sources(side: int, factor: float) -> NDArray[np.int64]:
    """Return the pixel before, counted on beyond the image, that is nearest to each pixel after."""
    places = np.arange(side) / factor + _offset((side,), factor)[0]
    # Halves go up, as a pixel covers [-0.5, 0.5) around its centre.
    return np.asarray(np.floor(places + 0.5), dtype=np.int64)


def _check(shape: tuple[int, ...], factor: float) -> None:
    if len(shape) != 2 or not factor >= SMALLEST_FACTOR or not np.isfinite(factor):
        raise InputError(
            "The magnification of an image cannot be changed so.",
            expected="one plane of shape (H, W) and a factor of at least 1/3",
            found=f"shape {shape} and a factor of {factor:g}",
        )
