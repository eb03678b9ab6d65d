"""Windows of an image: random ones for training, a partition of the whole for counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points, no_points, points_in_window


class Window(NamedTuple):
    """A rectangle of pixels, from row `top` and column `left`, wholly inside its image."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Crop:
    """A square cut from an image with its cells, shape (N, 2), in pixels of the crop.

    Where the image is smaller than the crop, its mirrored continuation is shown and the mirrored
    cells are listed too.
    """

    pixels: NDArray[np.float32]
    points: Points
    window: Window


def tile_windows(height: int, width: int, size: int) -> list[Window]:
    """Divide an image into windows that cover all of it and do not overlap, in reading order.

    Those of the last row and column are smaller where `size` does not divide the image;
    `cut_window` pads them. Every cell centre is in exactly one of them.
    """
    if min(height, width, size) < 1:
        raise InputError(
            "An image cannot be divided into windows.",
            expected="height, width and window of at least 1 pixel",
            found=f"height {height}, width {width}, window {size}",
            remedy="choose a window of at least 1 pixel",
        )
    return [
        Window(top, left, min(size, height - top), min(size, width - left))
        for top in range(0, height, size)
        for left in range(0, width, size)
    ]


def cut_window(
    pixels: NDArray[np.float32], window: Window, size: int | None = None
) -> NDArray[np.float32]:
    """Cut a window out of an image, padded by reflection to a square of `size`, if that is given.

    Padding lies below and to the right: it shows the image further on where there is more of it,
    then its mirror image, in which the outermost row and column are not repeated.
    """
    top, left, height, width = window
    if size is None:
        return pixels[top : top + height, left : left + width]
    rows, columns = (
        mirrored_places(np.arange(first, first + size), length, twice=False)
        for first, length in zip((top, left), pixels.shape, strict=True)
    )
    return pixels[np.ix_(rows, columns)]


def random_window(height: int, width: int, size: int, generator: np.random.Generator) -> Window:
    """Draw a square window, every position equally likely; all of a side that is shorter.

    Two numbers are drawn whatever the sizes.
    """
    top = int(generator.integers(max(height - size, 0) + 1))
    left = int(generator.integers(max(width - size, 0) + 1))
    return Window(top, left, min(size, height), min(size, width))


def random_crop(
    pixels: NDArray[np.float32],
    points: Points | None,
    size: int,
    generator: np.random.Generator,
) -> Crop:
    """Cut a random square out of an image, with the cells it shows, if they are known.

    A smaller image is continued by reflection.
    """
    height, width = pixels.shape
    window = random_window(height, width, size, generator)
    shown = no_points() if points is None else mirrored_points(points, (height, width), size)
    return Crop(
        pixels=cut_window(pixels, window, size),
        points=points_in_window(shown, window.top, window.left, size, size),
        window=window,
    )


def mirrored_points(points: Points, shape: tuple[int, int], size: int) -> Points:
    """Continue the cells of an image of `shape` as `cut_window` continues its pixels, up to `size`.

    The cells themselves come first; each mirrored cell follows once for every time that its pixel
    is shown again.
    """
    height, width = shape
    return _continued(_continued(points, 0, height, size), 1, width, size)


def _continued(points: Points, axis: int, length: int, size: int) -> Points:
    """Continue cells along one axis: backwards, forwards again, and so on."""
    copies = [points]
    for fold in range(1, _passes(length, size)):
        own = points[:, axis]
        backwards = fold % 2 == 1
        # The row of the fold itself is shown once, by the pass before.
        anew = own < length - 1.5 if backwards else own >= 0.5
        shown = points.copy()
        shown[:, axis] = fold * (length - 1) + (length - 1 - own if backwards else own)
        copies.append(shown[anew & (shown[:, axis] < size - 0.5)])
    return np.concatenate(copies)


def _passes(length: int, size: int) -> int:
    return 1 if size <= length or length == 1 else -(-(size - 1) // (length - 1))


def mirrored_places(
    places: NDArray[np.int64], length: int, *, twice: bool = True
) -> NDArray[np.int64]:
    """Return the pixel of a side that each place shows, beyond its ends as in a mirror.

    At the fold the outermost pixel is shown twice (NumPy's ``symmetric``), or once (``reflect``).
    Windows, as paper 1 pads them, show it once; all else shows it twice, so that a cell cut by the
    border becomes a whole one.
    """
    period = max(2 * length - (0 if twice else 2), 1)
    folded = places % period
    return np.where(folded < length, folded, period - folded - (1 if twice else 0))
