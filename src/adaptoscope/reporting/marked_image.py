"""Pictures of an image with its true and its found cells, where most of them do not match."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb

from adaptoscope.reporting.figures import (
    INVENTED,
    LINE,
    LOST,
    Picture,
    Screen,
    checked_image,
    on_screen,
    png_picture,
)

FloatArray = npt.NDArray[np.float64]

_WIDE = 480
_SQUARES = 500
_TRUE = "#2dd4bf"
_COLOURS = {"matched": _TRUE, "true": _TRUE, "found": _TRUE, "lost": LOST, "invented": INVENTED}
MARKS = (
    "Turquoise rings with a dot: true cells, and where they were found. Yellow rings: true cells "
    "that were lost. Pink crosses: found places without a cell."
)
"""What the marks of a counter with positions mean, in words."""


class Box(NamedTuple):
    """A part of an image: first row and column, height and width, in pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Mark:
    """A cell to be marked.

    Parameters
    ----------
    row, column
        Its centre in pixels.
    radius
        Half its diameter in pixels.
    kind
        ``matched``, ``lost`` and ``true`` cells are drawn as rings, a place that was ``found``
        rightly as a dot, and one that was ``invented`` as a cross.
    """

    row: float
    column: float
    radius: float
    kind: Literal["matched", "lost", "true", "found", "invented"]


def fullest_box(points: FloatArray, shape: tuple[int, int], side: int) -> Box:
    """Return the square of an image that holds most of some points.

    Parameters
    ----------
    points
        Shape (N, 2), (row, column) in pixels.
    shape
        Height and width of the image.
    side
        Side of the square in pixels; a smaller image is returned whole.

    Returns
    -------
    Box
        One of the squares around a point, moved into the image; around the middle without points.
        Of more than 500 points, some are tried.
    """
    height, width = min(side, shape[0]), min(side, shape[1])
    middles = points if len(points) else np.array([[shape[0] / 2, shape[1] / 2]])
    tried = middles[:: -(-len(middles) // _SQUARES)]
    corners = np.rint(tried - (height / 2, width / 2)).astype(int)
    corners = np.clip(corners, 0, (shape[0] - height, shape[1] - width))
    places = middles[None] + 0.5 - corners[:, None]
    held = ((places >= 0) & (places < (height, width))).all(axis=2).sum(axis=1)
    top, left = corners[int(np.argmax(held))]
    return Box(int(top), int(left), height, width)


def overview(pixels: npt.ArrayLike, box: Box, *, alt: str, caption: str = "") -> Picture:
    """Show a whole image at screen size, with a frame around a part of it.

    Parameters
    ----------
    pixels
        Shape (H, W), any finite intensities.
    alt, caption
        What is to be seen, and what stands below.

    Returns
    -------
    Picture
        A PNG, reduced by a whole factor to at most 480 pixels wide.
    """
    screen = on_screen(checked_image(pixels))
    factor = max(1, -(-screen.shape[1] // _WIDE))
    height, width = (side // factor for side in screen.shape[:2])
    cut = screen[: height * factor, : width * factor]
    small = cut.reshape(height, factor, width, factor, 3).mean(axis=(1, 3)).astype(np.uint8)
    top, left = box.top // factor, box.left // factor
    bottom = min((box.top + box.height) // factor, height) - 1
    right = min((box.left + box.width) // factor, width) - 1
    if (box.height, box.width) != screen.shape[:2]:
        for thick in (0, 1):
            small[[top + thick, bottom - thick], left : right + 1] = _levels(LINE)
            small[top : bottom + 1, [left + thick, right - thick]] = _levels(LINE)
    return png_picture(small, alt, caption)


def close_up(
    pixels: npt.ArrayLike, box: Box, marks: Sequence[Mark] = (), *, alt: str, caption: str = ""
) -> Picture:
    """Show a part of an image, enlarged, with marks on its cells.

    Parameters
    ----------
    pixels
        Shape (H, W) of the whole image, any finite intensities; stretched as the whole image is.
    marks
        Cells of the whole image; those outside the part are left out.
    alt, caption
        What is to be seen, and what stands below.

    Returns
    -------
    Picture
        A PNG, enlarged by a whole factor to at most 512 pixels.
    """
    part = on_screen(checked_image(pixels))[
        box.top : box.top + box.height, box.left : box.left + box.width
    ]
    factor = max(1, 512 // max(box.height, box.width))
    screen = np.repeat(np.repeat(part, factor, axis=0), factor, axis=1)
    for mark in marks:
        row = (mark.row - box.top + 0.5) * factor
        column = (mark.column - box.left + 0.5) * factor
        _stamp(
            screen, _outline(mark, factor) + np.array([row, column]), _levels(_COLOURS[mark.kind])
        )
    return png_picture(screen, alt, caption)


def _outline(mark: Mark, factor: int) -> FloatArray:
    """Return the places that a mark colours, relative to its centre, in pixels of the screen."""
    if mark.kind == "invented":
        arm = np.arange(-4.0, 5.0)
        return np.concatenate([np.stack([arm, arm], 1), np.stack([arm, -arm], 1)])
    if mark.kind == "found":
        return np.array([(row, column) for row in (-1.0, 1.0) for column in (-1.0, 1.0)])
    radius = max(mark.radius * factor, 3.0)
    angles = np.linspace(0, 2 * np.pi, int(8 * radius) + 8)
    return radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)


def _stamp(screen: Screen, places: FloatArray, colour: tuple[int, ...]) -> None:
    """Colour 2 x 2 pixels around each place; what lies outside is left out."""
    corners = np.rint(places - 1).astype(int)
    height, width = screen.shape[:2]
    for down in (0, 1):
        for across in (0, 1):
            rows, columns = (corners + np.array([down, across])).T
            inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
            screen[rows[inside], columns[inside]] = colour


def _levels(colour: str) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in to_rgb(colour))
