"""Whether counters are wrong without a word on images with one painted fault each.

Three simulated fields, and images of the split `train` of counted sets, get one fault at a time:
hot pixels, fibres, a scale bar, lettering, uneven light, inverted contrast and so on. A count is
right within 10 % or 2 cells. A wrong one is told by a flag or an error, or it is silent. The figure
is the share of silent ones of `nuclei`; the reference that of `dog`.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.counting.model_folder import CountingModel, load_counter
from adaptoscope.counting.predict import count_image
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import AdaptoscopeError
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.imageio.microscopy_image import MicroscopyImage
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import print_result

Image = NDArray[np.float64]
COUNTERS = ("nuclei", "dog", "otsu_watershed")
FEWEST_CELLS = 16
FIELDS = (
    {"height": 512, "width": 640, "cell_diameter_px": 18.0, "cells_per_mpx": 180.0},
    {"height": 400, "width": 400, "cell_diameter_px": 14.0, "cells_per_mpx": 350.0},
    {"height": 600, "width": 800, "cell_diameter_px": 30.0, "cells_per_mpx": 90.0},
)


class Canvas:
    """An image in [0, 1] with what is needed to paint on it."""

    def __init__(self, pixels: Image, generator: np.random.Generator) -> None:
        self.pixels, self.generator = pixels, generator
        self.height, self.width = pixels.shape
        self.rows, self.columns = np.mgrid[: self.height, : self.width].astype(float)
        self.ground = float(np.median(pixels))
        self.contrast = max(float(np.percentile(pixels, 99.9)) - self.ground, 0.01)

    def spot(self, row: float, column: float, spread: float) -> Image:
        """Return a Gaussian of height 1."""
        square = (self.rows - row) ** 2 + (self.columns - column) ** 2
        return np.asarray(np.exp(-square / (2 * spread**2)))


def hot_pixels(canvas: Canvas, number: int, bright: float) -> Image:
    """Set single pixels, which may fall on cells."""
    painted = canvas.pixels.copy()
    places = canvas.generator.integers(0, canvas.pixels.size, number)
    painted.ravel()[places] = bright
    return painted


def fibre(canvas: Canvas, times: float) -> Image:
    """Lay a wavy fibre across, so many times as bright as the cells."""
    angle, spread = canvas.generator.uniform(0, np.pi), canvas.generator.uniform(1.5, 4)
    row, column = canvas.rows - canvas.height / 2, canvas.columns - canvas.width / 2
    along = column * np.cos(angle) + row * np.sin(angle)
    across = row * np.cos(angle) - column * np.sin(angle)
    away = (across - canvas.height / 10 * np.sin(along / 50)) / spread
    return np.asarray(canvas.pixels + times * canvas.contrast * np.exp(-(away**2)))


def scale_bar(canvas: Canvas, *, lettering: bool) -> Image:
    """Burn a bar into the corner, with letters above it."""
    painted = canvas.pixels.copy()
    bottom, right = canvas.height, canvas.width
    painted[bottom - 14 : bottom - 9, right - 70 : right - 10] = 1.0
    for left in (right - 62, right - 53, right - 44, right - 32, right - 24) if lettering else ():
        painted[bottom - 28 : bottom - 17, left : left + 2] = 1.0
        painted[bottom - 28 : bottom - 26, left : left + 6] = 1.0
        painted[bottom - 19 : bottom - 17, left : left + 6] = 1.0
    return painted


def frame(canvas: Canvas) -> Image:
    """Burn a frame into the border."""
    painted = np.ones_like(canvas.pixels)
    painted[6:-6, 6:-6] = canvas.pixels[6:-6, 6:-6]
    return painted


def vignette(canvas: Canvas) -> Image:
    """Let the light fall towards the corners."""
    height, width = canvas.height / 2, canvas.width / 2
    away = np.hypot(canvas.rows - height, canvas.columns - width) / np.hypot(height, width)
    lit = canvas.pixels + 0.5 * (canvas.ground + canvas.contrast)
    return np.asarray(lit * (1 - 0.7 * away))


def debris(canvas: Canvas) -> Image:
    """Add six blurred bodies of different size and brightness."""
    painted, draw = canvas.pixels, canvas.generator.uniform
    for _ in range(6):
        spot = canvas.spot(draw(0, canvas.height), draw(0, canvas.width), draw(3, 25))
        painted = painted + draw(2, 8) * canvas.contrast * spot
    return painted


FAULTS: dict[str, Callable[[Canvas], Image]] = {
    "none": lambda c: c.pixels,
    "hot pixels, 50 per Mpx": lambda c: hot_pixels(c, max(4, c.pixels.size // 20000), 1.0),
    "hot pixels, 830 per Mpx": lambda c: hot_pixels(
        c, c.pixels.size // 1200, c.ground + c.contrast * c.generator.uniform(2, 5)
    ),
    "fibre, 3 times": lambda c: fibre(c, 3),
    "fibre, 10 times": lambda c: fibre(c, 10),
    "fibre, 20 times": lambda c: fibre(c, 20),
    "scale bar": lambda c: scale_bar(c, lettering=False),
    "lettering": lambda c: scale_bar(c, lettering=True),
    "frame": frame,
    "vignette": vignette,
    "glow": lambda c: (
        c.pixels + 1.5 * c.contrast * c.spot(0.4 * c.height, 0.6 * c.width, c.height / 3)
    ),
    "ramp": lambda c: c.pixels + c.contrast * c.columns / c.width,
    "strong ramp": lambda c: (
        c.pixels + 3 * c.contrast * (c.rows + c.columns) / (c.height + c.width)
    ),
    "inverted": lambda c: c.pixels.max() - c.pixels,
    "inverted, full range": lambda c: 1 - c.pixels,
    "one bright body": lambda c: (
        c.pixels + 20 * c.contrast * c.spot(0.3 * c.height, 0.7 * c.width, 12)
    ),
    "debris": debris,
    "blur": lambda c: ndimage.gaussian_filter(c.pixels, 5),
    "saturated": lambda c: (c.pixels - c.ground) * 4 / c.contrast + c.ground,
    "black cut off": lambda c: np.maximum(c.pixels - c.ground - 0.3 * c.contrast, 0),
    "stripes": lambda c: c.pixels + 0.5 * c.contrast * (1 + np.sin(2 * np.pi * c.rows / 8)),
    "halves": lambda c: np.where(c.columns < c.width / 2, c.pixels, c.pixels + 0.8 * c.contrast),
    "half black": lambda c: np.where(c.columns < c.width / 2, c.pixels, 0),
    "noise": lambda c: c.pixels + c.generator.normal(0, 0.5 * c.contrast, c.pixels.shape),
}


def plain_images(sets: list[Path], number: int) -> Iterator[tuple[Image, int, int]]:
    """Yield pixels in [0, 1], bit depth and number of cells of images without a fault."""
    for seed, shape in enumerate(FIELDS):
        settings = SimulationSettings(**shape, density_spread=0.0, hot_pixels_per_mpx=0.0)
        field = draw_field(settings, np.random.default_rng(seed))
        yield field.pixels.astype(np.float64), field.bit_depth, len(field.points)
    for folder in sets:
        images = open_counted_images(folder).split("train").labelled()
        counted = [(record, len(images.points(record))) for record in images]
        full = [(record, cells) for record, cells in counted if cells >= FEWEST_CELLS]
        for record, cells in full[:: max(1, len(full) // number)][:number]:
            image = images.read(record)
            yield image.pixels.astype(np.float64), image.scale.bit_depth, cells


def outcome(counter: CountingModel, pixels: Image, depth: int, true: int) -> str:
    """Count an image; say whether the count is right, told, or silently wrong."""
    top = 2**depth - 1
    stored = np.rint(np.clip(pixels, 0, 1) * top) / top
    scale = IntensityScale.full_range(8 if depth <= 8 else 16)
    image = MicroscopyImage("image", stored.astype(np.float32), scale, None, "image", None)
    try:
        row = count_image(counter, image).row
    except AdaptoscopeError:
        return "told"
    if row.count is not None and abs(row.count - true) <= max(2, 0.1 * true):
        return "right"
    return "told" if row.flag else "silent"


def main() -> None:
    """Read the options, count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="*", help="counted sets with a split train")
    parser.add_argument("--images", type=int, default=4, help="images of each set")
    parser.add_argument("--counters", nargs="+", default=COUNTERS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    counters = {name: load_counter(name) for name in options.counters}
    blank = dict.fromkeys(("right", "told", "silent"), 0)
    table = {f"{name}, {fault}": dict(blank) for name in counters for fault in ("all", *FAULTS)}
    for place, (pixels, depth, true) in enumerate(plain_images(options.sets, options.images)):
        for kind, (fault, paint) in enumerate(FAULTS.items()):
            canvas = Canvas(pixels, np.random.default_rng([place, kind]))
            painted = paint(canvas)
            for name, counter in counters.items():
                found = outcome(counter, painted, depth, true)
                table[f"{name}, {fault}"][found] += 1
                table[f"{name}, all"][found] += 1
    shares = {name: table[f"{name}, all"] for name in counters}
    silent = {name: each["silent"] / max(sum(each.values()), 1) for name, each in shares.items()}
    figure, reference = (silent.get(name) for name in COUNTERS[:2])
    found_all = {
        "figure": figure,
        "reference": reference,
        "ratio": figure / reference if figure is not None and reference else None,
        "unit": "share of images that are counted wrong without a word",
        "table": table,
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors",
    }
    if options.json:
        print(json.dumps(found_all))
    else:
        print_result(found_all, as_json=False)


if __name__ == "__main__":
    main()
