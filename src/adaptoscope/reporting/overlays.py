"""Images with what was found in them: rings around cell centres, and the count in a strip below."""

import io
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from adaptoscope.errors import InputError, OutputError
from adaptoscope.images.atomic_files import atomic_path, is_occupied
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.resampling import scaled
from adaptoscope.reporting.figures import STRETCH, STYLE

LONGEST = 1600
"""Most pixels along the longer side of an image that is shown."""

_WIDE_ENOUGH = 1200
_STRIP = 30
_RING = "#ff6a1f"
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
) -> bytes:
    """Draw an image with a ring at every cell centre.

    Parameters
    ----------
    pixels
        Shape (H, W), any finite intensities. Black is the 0.5th percentile, white the 99.8th.
    points
        Shape (N, 2), (row, column) in pixels.
    text
        Stands in a strip below the image, in one line.
    diameter_px
        Cell diameter in pixels, which the rings follow.

    Returns
    -------
    bytes
        A PNG. Images with a longer side above `LONGEST` are made smaller, small ones larger.
    """
    if pixels.ndim != 2 or pixels.size == 0:
        raise InputError(
            "An image cannot be shown.", expected="shape (H, W)", found=f"shape {pixels.shape}"
        )
    shown = _smaller(pixels)
    enlarged = max(1, _WIDE_ENOUGH // max(shown.shape))
    height, width = (side * enlarged for side in shown.shape)
    factor = np.array([height, width]) / np.array(pixels.shape)
    ring = max(
        (diameter_px or _USUAL_DIAMETER) * float(factor.mean()) * _RING_SHARE, _SMALLEST_RING
    )
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width / _DPI, (height + _STRIP) / _DPI), dpi=_DPI)
        FigureCanvasAgg(figure)
        share = _STRIP / (height + _STRIP)
        axes = figure.add_axes((0.0, share, 1.0, 1.0 - share))
        _show(axes, shown, (height, width))
        _ring_points(axes, (points + 0.5) * factor, max(ring, _SMALLEST_RING))
        figure.text(6 / width, share / 2, text, fontsize=_font_size(text, width), va="center")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


class OverlayFolder:
    """A folder of overlays, one file for each image under a name that is safe and its own.

    Parameters
    ----------
    folder
        Where to write; made with the first image.
    overwrite
        Replace files of the same names in a folder that holds something.

    Raises
    ------
    OutputError
        The folder holds something, and nothing may be replaced.
    """

    def __init__(self, folder: Path, *, overwrite: bool = False) -> None:
        if is_occupied(folder) and not (overwrite and folder.is_dir()):
            raise OutputError(
                f"The folder for overlays {folder} holds something else.",
                expected="an empty folder, or a new one",
                found="files" if folder.is_dir() else "a file",
                remedy="choose another folder, or add --overwrite",
            )
        self.folder = folder
        self._taken: set[str] = set()

    def write(self, image: str, content: bytes) -> Path:
        """Write the overlay of an image, whole or not at all.

        Parameters
        ----------
        image
            Base name of the image.
        content
            The PNG.

        Returns
        -------
        pathlib.Path
            ``STEM.png``; where another image has this name already, ``NAME.SUFFIX.png``, or with a
            number. Characters that some file systems refuse become ``_``.
        """
        place = self.folder / self._free_name(image)
        with atomic_path(place) as temporary:
            temporary.write_bytes(content)
        return place

    def _free_name(self, image: str) -> str:
        stems = [_UNSAFE.sub("_", name)[:_LONGEST_NAME] for name in (Path(image).stem, image)]
        numbered = (f"{stems[1]}-{number}" for number in range(2, len(self._taken) + 3))
        # Some file systems do not tell capitals from small letters.
        free = next(name for name in (*stems, *numbered) if name.lower() not in self._taken)
        self._taken.add(free.lower())
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


def _show(axes: Axes, shown: npt.NDArray[np.float32], size: tuple[int, int]) -> None:
    height, width = size
    low, high = np.percentile(shown, STRETCH)
    axes.imshow(
        shown,
        cmap="gray",
        vmin=float(low),
        vmax=float(max(high, low + 1e-9)),
        extent=(0, width, height, 0),
        interpolation="nearest",
    )
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")


def _ring_points(axes: Axes, places: Points, diameter: float) -> None:
    sizes = np.full(len(places), diameter)
    rings = EllipseCollection(
        widths=sizes,
        heights=sizes,
        angles=np.zeros(len(places)),
        units="xy",
        offsets=places[:, ::-1],
        offset_transform=axes.transData,
        facecolors="none",
        edgecolors=_RING,
        linewidths=0.9,
    )
    axes.add_collection(rings)


def _font_size(text: str, width: int) -> float:
    """Return a size in points at which the line fits, at most 10."""
    # A letter of this font is about 0.62 of its size wide, and a point 1.39 pixels at 100 dpi.
    return float(np.clip((width - 12) / (max(len(text), 1) * 0.62 * _DPI / 72), 4.0, 10.0))
