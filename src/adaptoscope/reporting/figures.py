"""Pictures for reports, as encoded bytes with a text for those who cannot see them.

Nothing here depends on the date, the machine or the order of earlier calls.
"""

import base64
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import imagecodecs
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from adaptoscope.errors import InputError

FloatArray = npt.NDArray[np.float64]
Screen = npt.NDArray[np.uint8]

STRETCH = (0.5, 99.8)
"""Percentiles of an image that are shown as black and as white."""

INK, DOT, LINE, QUIET = "#1f2933", "#0b6e99", "#b4540a", "#8895a3"
"""Colours of text, of single images, of what they are compared with, and of frames."""

LOST, INVENTED = "#ffd60a", "#ff5d8f"
"""Colours of true cells that were not found, and of found places without a cell."""

_DOTS = (255, 80, 0)
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "adaptoscope",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
"""How every plot looks; the salt makes equal plots equal files."""


@contextmanager
def text_as_it_is() -> Iterator[None]:
    """Draw with `STYLE`, and every text letter by letter: a name with ``$`` is no formula."""
    with mpl.rc_context({**STYLE, "text.parse_math": False}), warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes, which is seen.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


@dataclass(frozen=True)
class Picture:
    """An encoded image.

    Parameters
    ----------
    content
        The bytes of a PNG or SVG file.
    kind
        ``image/png`` or ``image/svg+xml``.
    alt
        What is to be seen, for readers who cannot see it.
    """

    content: bytes
    kind: str
    alt: str
    caption: str = ""

    @property
    def address(self) -> str:
        """The picture as a ``data:`` address, so that a page can hold it."""
        return f"data:{self.kind};base64,{base64.b64encode(self.content).decode('ascii')}"


@dataclass(frozen=True)
class MethodCounts:
    """What one method counted.

    Parameters
    ----------
    true, predicted
        Shape (N,), cells per image, in the same order; of several seeds, their mean prediction.
    mae
        Mean absolute error as the table gives it, the mean over the seeds.
    """

    method: str
    true: FloatArray
    predicted: FloatArray
    mae: float


def scatter_panels(methods: Sequence[MethodCounts], *, columns: int = 4) -> Picture:
    """Draw predicted against true counts, one panel per method, all on the same axes.

    Parameters
    ----------
    methods
        At least one method with at least one image.

    Returns
    -------
    Picture
        An SVG. The line is where prediction and truth agree, the band 10 % around it.
    """
    check_counts(methods)
    top = 1.05 * max(float(max(each.true.max(), each.predicted.max())) for each in methods)
    columns = min(columns, len(methods))
    rows = math.ceil(len(methods) / columns)
    with mpl.rc_context(STYLE):
        # Titles and the labels of the axes would be cut by a hair without free strips beside them.
        layout = ConstrainedLayoutEngine(rect=(0.0, 0.04, 1.0, 0.92))
        figure = Figure(figsize=(2.45 * columns + 0.3, 2.7 * rows + 0.3), layout=layout)
        FigureCanvasSVG(figure)
        for index, each in enumerate(methods):
            axes = figure.add_subplot(rows, columns, index + 1)
            draw_counts(axes, each, max(top, 1.0))
            leftmost, lowest = index % columns == 0, index + columns >= len(methods)
            axes.tick_params(labelleft=leftmost, labelbottom=lowest)
            if leftmost:
                axes.set_ylabel("predicted cells", fontsize=9)
            if lowest:
                axes.set_xlabel("true cells", fontsize=9)
        content = svg_of(figure)
    names = ", ".join(each.method for each in methods)
    images = max(len(each.true) for each in methods)
    return Picture(
        content=content,
        kind="image/svg+xml",
        alt=f"Predicted against true counts of {images} images, one panel for each of: {names}.",
        caption="Each dot is one image. On the line, prediction and truth agree; the band is 10 % "
        "to either side. All panels have the same axes.",
    )


def display_image(
    pixels: npt.ArrayLike,
    *,
    alt: str,
    caption: str = "",
    points: FloatArray | None = None,
    crop: int | None = 256,
) -> Picture:
    """Prepare an image for looking at: its centre, stretched to the full range of the screen.

    Parameters
    ----------
    pixels
        Shape (H, W), any finite intensities.
    caption
        Stands below the picture; the shown range of intensities is added to it.
    points
        Shape (N, 2), cell centres as (row, column) in pixels, marked by dots.
    crop
        Side in pixels of the central square that is shown, so that cells of different images
        appear at the same scale; ``None`` shows the whole image.

    Returns
    -------
    Picture
        A PNG: black is the 0.5th percentile of the shown pixels, white the 99.8th.
    """
    image = checked_image(pixels)
    top, left, height, width = _centre(image.shape[0], image.shape[1], crop)
    shown = image[top : top + height, left : left + width]
    low, high = np.percentile(shown, STRETCH)
    screen = on_screen(shown, (low, high))
    if points is not None:
        _draw_dots(screen, np.asarray(points, dtype=np.float64) - (top, left))
    return png_picture(screen, alt, f"{caption} (shown: {low:.2g} to {high:.2g})".strip())


def checked_image(pixels: npt.ArrayLike) -> FloatArray:
    """Return pixels of shape (H, W) as float64; others are an `InputError`."""
    image = np.asarray(pixels, dtype=np.float64)
    if image.ndim != 2 or image.size == 0:
        raise InputError(
            "An image cannot be shown.", expected="shape (H, W)", found=f"shape {image.shape}"
        )
    return image


def on_screen(
    pixels: npt.NDArray[np.floating], limits: tuple[float, float] | None = None
) -> Screen:
    """Return grey levels for the screen, shape (H, W, 3).

    `limits` become black and white, by default the percentiles `STRETCH` of the pixels.
    """
    low, high = np.percentile(pixels, STRETCH) if limits is None else limits
    grey = np.clip((pixels - low) / max(high - low, 1e-9), 0.0, 1.0)
    return np.repeat(np.rint(grey * 255).astype(np.uint8)[..., None], 3, axis=2)


def show_grey(
    axes: Axes, pixels: npt.NDArray[np.floating], limits: npt.ArrayLike, **options: object
) -> None:
    """Show pixels on axes, the two `limits` as black and white."""
    low, high = np.asarray(limits, dtype=np.float64)
    axes.imshow(pixels, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), **options)  # type: ignore[arg-type]


def png_picture(screen: Screen, alt: str, caption: str = "") -> Picture:
    """Encode grey levels or colours as a PNG."""
    content = bytes(imagecodecs.png_encode(np.ascontiguousarray(screen), level=9))
    return Picture(content=content, kind="image/png", alt=alt, caption=caption)


def png_of(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file without maker."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def check_counts(methods: Sequence[MethodCounts]) -> None:
    """Refuse counts that cannot be drawn."""
    if not methods:
        raise InputError("There is no method to draw.", expected="at least one method")
    for each in methods:
        if each.true.shape != each.predicted.shape or each.true.ndim != 1 or not each.true.size:
            raise InputError(
                f"The counts of {each.method} cannot be drawn.",
                expected="one true and one predicted count for each image, at least one image",
                found=f"shapes {each.true.shape} and {each.predicted.shape}",
            )


def draw_counts(axes: Axes, counts: MethodCounts, top: float) -> None:
    """Draw predicted against true counts on axes that reach up to ``top`` cells."""
    line = np.array([0.0, top])
    axes.fill_between(line, 0.9 * line, 1.1 * line, color=LINE, alpha=0.13, linewidth=0)
    axes.plot(line, line, color=LINE, linewidth=1)
    axes.scatter(counts.true, counts.predicted, s=16, color=DOT, alpha=0.75, linewidth=0, zorder=3)
    axes.set_title(f"{counts.method}\nMAE {counts.mae:.1f}", fontsize=9)
    axes.set_xlim(0, top)
    axes.set_ylim(min(0.0, 1.05 * float(counts.predicted.min())), top)
    axes.set_aspect("equal")
    open_frame(axes)


def open_frame(axes: Axes) -> None:
    """Leave out the frame of a plot above and at the right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def svg_of(figure: Figure) -> bytes:
    """Return a figure as the bytes of an SVG file without date or maker."""
    _settle(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _settle(figure: Figure) -> None:
    """Lay out a figure once and round the result.

    The solver's last digits change from call to call, and the names of clip paths with them.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(edge, 6) for edge in axes.get_position(True).bounds)
        axes.set_position((left, bottom, width, height))


def _centre(height: int, width: int, crop: int | None) -> tuple[int, int, int, int]:
    shown_height = min(height, crop or height)
    shown_width = min(width, crop or width)
    return (height - shown_height) // 2, (width - shown_width) // 2, shown_height, shown_width


def _draw_dots(screen: Screen, points: FloatArray) -> None:
    """Mark points in place by 3 x 3 pixels; those outside the picture are left out."""
    height, width = screen.shape[:2]
    for row, column in np.rint(points).astype(int):
        if 0 <= row < height and 0 <= column < width:
            screen[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = _DOTS
