"""Images with what was found in them: rings around cell centres, and the count in a strip below."""

import re
from collections.abc import Sequence
from itertools import chain, count
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from adaptoscope.errors import printable
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.resampling import scaled
from adaptoscope.reporting.figures import STRETCH, checked_image, png_of, show_grey, text_as_it_is

LONGEST = 1600
"""Most pixels along the longer side of an image that is shown."""

_STRIP = 30
_RING, _EDGE = "#ff6a1f", "#1a0d00"
# Of rings where no diameter is known, in pixels.
_USUAL_DIAMETER = 12.0
# A ring is smaller than its cell, so that rings of touching cells stay apart.
_RING_SHARE = 0.6
_SMALLEST_RING = 6.0
_DPI = 100
_UNSAFE = re.compile(r"[^\w .,()+=@#&-]")
_LONGEST_NAME = 150


def draw_overlay(
    pixels: npt.NDArray[np.float32],
    points: Points,
    *,
    text: str,
    diameter_px: float | None = None,
    alike: npt.NDArray[np.bool_] | None = None,
) -> bytes:
    """Draw an image with a ring at every cell centre.

    Parameters
    ----------
    pixels
        Shape (H, W), any finite intensities. Black is the 0.5th percentile, white the 99.8th.
    points
        Shape (N, 2), (row, column) in pixels.
    text
        Stands in a strip below the image, in one line, as text whatever it holds.
    diameter_px
        Cell diameter in pixels, which the rings follow.
    alike
        Shape (H, W), pixels that black and white follow; the others may be far brighter than cells.

    Returns
    -------
    bytes
        A PNG. Images with a longer side above `LONGEST` are made smaller, small ones larger.
    """
    checked_image(pixels)
    shown = _smaller(pixels)
    limits = np.percentile(shown if alike is None else pixels[alike], STRETCH)
    enlarged = max(1, LONGEST // max(shown.shape))
    height, width = (side * enlarged for side in shown.shape)
    factor = np.array([height, width]) / np.array(pixels.shape)
    ring = max(
        (diameter_px or _USUAL_DIAMETER) * float(factor.mean()) * _RING_SHARE, _SMALLEST_RING
    )
    text = printable(text, keep="")
    with text_as_it_is():
        figure = Figure(figsize=(width / _DPI, (height + _STRIP) / _DPI), dpi=_DPI)
        FigureCanvasAgg(figure)
        share = _STRIP / (height + _STRIP)
        axes = figure.add_axes((0.0, share, 1.0, 1.0 - share))
        _show(axes, shown, (height, width), limits)
        _ring_points(axes, (points + 0.5) * factor, max(ring, _SMALLEST_RING))
        figure.text(6 / width, share / 2, text, fontsize=_font_size(text, width), va="center")
        return png_of(figure)


def overlay_names(images: Sequence[str]) -> list[str]:
    """Name a file for the overlay of each image, safe on any system and its own.

    Returns
    -------
    list of str
        ``STEM.png``; where another image has this name already, ``NAME.SUFFIX.png``, or with a
        number. Characters that some file systems refuse become ``_``.
    """
    taken: set[str] = set()
    return [_free_name(image, taken) for image in images]


def _free_name(image: str, taken: set[str]) -> str:
    stem = str(PurePosixPath(image).with_suffix(""))
    stems = [_UNSAFE.sub("_", name)[:_LONGEST_NAME] for name in (stem, image)]
    # Some file systems do not tell capitals from small letters.
    numbered = (f"{stems[1]}-{number}" for number in count(2))
    free = next(name for name in chain(stems, numbered) if name.lower() not in taken)
    taken.add(free.lower())
    return f"{free}.png"


def _smaller(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring the longer side to `LONGEST` at most, first by means of whole blocks of pixels."""
    block = max(pixels.shape) // LONGEST
    if block > 1:
        height, width = (max(1, side // block) for side in pixels.shape)
        whole = pixels[: height * block, : width * block]
        rows, columns = (min(block, side) for side in whole.shape)
        pixels = whole.reshape(height, rows, width, columns).mean(axis=(1, 3), dtype=np.float32)
    longest = max(pixels.shape)
    if longest <= LONGEST:
        return pixels
    change = scaled((pixels.shape[0], pixels.shape[1]), LONGEST / longest)
    return change.part(pixels, 0, 0, *change.new_shape)


def _show(
    axes: Axes,
    shown: npt.NDArray[np.float32],
    size: tuple[int, int],
    limits: npt.NDArray[np.floating],
) -> None:
    height, width = size
    show_grey(axes, shown, limits, extent=(0, width, height, 0), interpolation="nearest")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")


def _ring_points(axes: Axes, places: Points, diameter: float) -> None:
    sizes = np.full(len(places), diameter)
    # A dark edge below, so that a ring is seen on a bright cell and on the ground.
    for colour, width in ((_EDGE, 2.6), (_RING, 1.4)):
        rings = EllipseCollection(
            widths=sizes,
            heights=sizes,
            angles=np.zeros(len(places)),
            units="xy",
            offsets=places[:, ::-1],
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors=colour,
            linewidths=width,
        )
        axes.add_collection(rings)


def _font_size(text: str, width: int) -> float:
    """Return a size in points at which the line fits, at most 10."""
    # A letter of this font is about 0.62 of its size wide, and a point 1.39 pixels at 100 dpi.
    return float(np.clip((width - 12) / (max(len(text), 1) * 0.62 * _DPI / 72), 4.0, 10.0))
