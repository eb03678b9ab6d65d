"""Simulated nuclei whose number is known, and one fault of ordinary images painted over them."""

import functools

import numpy as np
from scipy import ndimage

from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings

# Nuclei that every counter of the package finds where nothing else is in the image.
PLAIN = SimulationSettings(
    height=360, width=420, cell_diameter_px=18.0, cells_per_mpx=260.0, density_spread=0.0,
    clustered_fraction=0.0, brightness_spread=0.1, defocus_fraction=0.0, mitotic_fraction=0.0,
    debris_per_mpx=0.0, hot_pixels_per_mpx=0.0, edge_rule="visible", background_variation=0.0,
    vignette=0.0, tilt=0.0,
)  # fmt: skip

CAUSES = {
    "hot pixels": "hot pixels",
    "fibre 3x": "fibre",
    "fibre 20x": "fibre",
    "debris": "debris",
    "scale bar": "scale bar",
    "lettering": "lettering",
    "frame": "frame",
    "vignette": "uneven background",
    "ramp": "uneven background",
    "glow": "uneven background",
    "inverted": "inverted contrast",
    "stripes": "stripes",
    "halves": "",
    "saturated": "saturated",
    "black clipped": "cut off at the dark end",
    "blurred": "",
    "noise": "noise",
    "blank": "blank",
    "blank, noisy": "blank",
}
"""From a fault to words that its flag holds."""


@functools.cache
def plain(seed: int) -> tuple[np.ndarray, int]:
    """Draw a field; pixels of shape (H, W) in [0, 1] and the number of its nuclei."""
    field = draw_field(PLAIN, np.random.default_rng(seed))
    return field.pixels.astype(np.float64), len(field.points)


def painted(fault: str, seed: int = 0) -> tuple[np.ndarray, int]:
    """Draw a field with a fault, as an 8-bit file would hold it; pixels and number of nuclei."""
    pixels, number = plain(seed)
    generator = np.random.default_rng(seed)
    changed = _paint(fault, pixels, generator)
    stored = np.rint(np.clip(changed, 0, 1) * 255) / 255
    return stored.astype(np.float32), 0 if fault.startswith("blank") else number


def _paint(fault: str, pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    height, width = pixels.shape
    rows, columns = np.mgrid[:height, :width].astype(float)
    ground = float(np.median(pixels))
    contrast = float(np.percentile(pixels, 99)) - ground
    # Room for what is far brighter than the cells.
    dim = (pixels - ground) * 0.04 / contrast + 0.06
    out = pixels.copy()
    if fault == "hot pixels":
        places = generator.integers(0, [[height], [width]], (2, 150))
        out[tuple(places)] = 1.0
        return out
    if fault in ("scale bar", "lettering"):
        out[height - 14 : height - 9, width - 90 : width - 10] = 1.0
        for left in (86, 70, 54, 38, 22) if fault == "lettering" else ():
            out[height - 30 : height - 18, width - left : width - left + 2] = 1.0
            out[height - 30 : height - 28, width - left : width - left + 8] = 1.0
        return out
    if fault == "frame":
        out[:5], out[-5:], out[:, :5], out[:, -5:] = 1.0, 1.0, 1.0, 1.0
        return out
    wave = rows - height / 2 - height / 8 * np.sin(columns / 40)
    corner = np.hypot(rows - height / 2, columns - width / 2) / np.hypot(height / 2, width / 2)
    blob = np.exp(-((rows - height * 0.3) ** 2 + (columns - width * 0.7) ** 2) / 288)
    centre = np.exp(-((rows - height * 0.4) ** 2 + (columns - width * 0.6) ** 2) / 30_000)
    changed = {
        "none": lambda: pixels,
        "fibre 3x": lambda: dim + 0.12 * np.exp(-((wave / 2.5) ** 2)),
        "fibre 20x": lambda: dim + 0.8 * np.exp(-((wave / 2.5) ** 2)),
        "debris": lambda: dim + 0.8 * blob,
        "vignette": lambda: (pixels + contrast) * (1 - 0.7 * corner),
        "ramp": lambda: pixels + 1.5 * contrast * columns / width,
        "glow": lambda: pixels + 1.5 * contrast * centre,
        "inverted": lambda: pixels.max() - pixels,
        "stripes": lambda: pixels + 0.25 * contrast * (1 + np.sin(2 * np.pi * rows / 8)),
        "halves": lambda: np.where(columns < width / 2, pixels, pixels + 0.8 * contrast),
        "saturated": lambda: (pixels - ground) * 4 / contrast + ground,
        "black clipped": lambda: pixels - ground - 0.35 * contrast,
        "blurred": lambda: ndimage.gaussian_filter(pixels, 6),
        "noise": lambda: pixels + generator.normal(0, 0.6 * contrast, pixels.shape),
        "blank": lambda: np.full(pixels.shape, ground),
        "blank, noisy": lambda: generator.normal(0.2, 0.01, pixels.shape),
    }
    return changed[fault]()
