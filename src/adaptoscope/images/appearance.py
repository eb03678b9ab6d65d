"""What an image of cells looks like, in a few cheap numbers that have a meaning.

Everything is measured at one cell size and relative to the contrast between cells and background,
so that neither magnification nor exposure matters. Of a large image four parts are looked at, so
that the time does not grow with the image.
"""

from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.images.blobs import cells_above_ground
from adaptoscope.images.medians import robust_deviation
from adaptoscope.images.noise import second_differences
from adaptoscope.images.resampling import Resampling, scaled

FloatImage = NDArray[np.float32]

WORKING_DIAMETER = 12.0
"""Cell diameter in pixels at which images are looked at."""

# Four parts of 12 cell diameters, in blocks of two: enough cells, at a time that does not grow.
# The other numbers say from when a border, cells or a ground can be measured at all, by eye.
_PART = 144
_BLOCK = 24
_NEAR = 3
_LEAST_BORDER = 20
_NOISE_DEVIATIONS = 10.0
_LEAST_CONTRAST = 1.0 / 65535
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Appearance:
    """What an image looks like.

    Attributes
    ----------
    noise
        Standard deviation of the fine noise, as a share of the contrast.
    sharpness
        Slope at the borders of cells per working pixel, as a share of the local rise; NaN without
        cells.
    unevenness
        Standard deviation of the background over the field, as a share of the contrast.
    covered
        Share of the pixels that cells cover, 0 to 1.
    skewness
        Of the intensities: how far the bright pixels stand out from the rest.
    """

    noise: float
    sharpness: float
    unevenness: float
    covered: float
    skewness: float

    def as_features(self) -> NDArray[np.float64]:
        """Return the numbers, shape (5,), on scales on which images of one kind scatter evenly."""
        return np.array(
            [
                np.log(self.noise + 1e-3),
                np.log(self.sharpness),
                np.log(self.unevenness + 1e-2),
                np.log(self.covered + 2e-3),
                np.arcsinh(self.skewness),
            ]
        )


FEATURES = tuple(field.name for field in fields(Appearance))
"""Names of the numbers, in the order of `Appearance.as_features`."""


def measure_appearance(pixels: FloatImage, diameter: float) -> Appearance:
    """Measure what an image looks like.

    Parameters
    ----------
    pixels
        Bright cells on a dark ground, shape (H, W), any linear unit. One without visible cells has
        a contrast of ten deviations of its noise.
    diameter
        Usual cell diameter in pixels.
    """
    if pixels.ndim != 2 or not pixels.size or not (np.isfinite(diameter) and diameter > 0):
        raise InputError(
            "The appearance of an image cannot be measured.",
            expected="one channel of shape (H, W), and a cell diameter above 0",
            found=f"shape {pixels.shape}, diameter {diameter}",
        )
    parts = _parts(pixels, scaled((pixels.shape[0], pixels.shape[1]), WORKING_DIAMETER / diameter))
    smooth = [ndimage.gaussian_filter(part, 1.0) for part in parts]
    values = np.concatenate([part.ravel() for part in smooth])
    if not np.isfinite(values).all():
        raise InputError("An image with NaN or infinite values has no appearance to measure.")
    cells = cells_above_ground(smooth)
    ground = [~ndimage.binary_dilation(mask, iterations=_NEAR) for mask in cells]
    noise = _noise(parts, ground)
    contrast = _contrast(values, np.concatenate([mask.ravel() for mask in cells]), noise)
    return Appearance(
        noise=noise / contrast,
        sharpness=_sharpness(smooth, cells),
        unevenness=_unevenness(smooth, ground) / contrast,
        covered=float(np.mean([mask.mean() for mask in cells])),
        skewness=_skewness(values),
    )


def _parts(pixels: FloatImage, change: Resampling) -> list[FloatImage]:
    """Return the image at working size, or the middles of its quarters where it is large."""
    rows, columns = (_ranges(side) for side in change.new_shape)
    return [
        change.part(pixels, top, left, height, width)
        for (top, height), (left, width) in product(rows, columns)
    ]


def _ranges(side: int) -> list[tuple[int, int]]:
    """Return where parts begin along one axis, and how long they are."""
    if side <= 2 * _PART:
        return [(0, side)]
    free = (side - 2 * _PART) // 4
    return [(free, _PART), (side - free - _PART, _PART)]


def _noise(parts: list[FloatImage], ground: list[NDArray[np.bool_]]) -> float:
    """Deviation of the fine noise between the cells."""
    residuals = [
        second_differences(part)[mask if mask.any() else slice(None)].ravel()
        for part, mask in zip(parts, ground, strict=True)
    ]
    return robust_deviation(np.concatenate(residuals), about=0.0)


def _contrast(values: FloatImage, cells: NDArray[np.bool_], noise: float) -> float:
    least = max(_NOISE_DEVIATIONS * noise, _LEAST_CONTRAST)
    if not cells.any() or cells.all():
        return least
    return float(np.median(values[cells]) - np.median(values[~cells]))


def _sharpness(smooth: list[FloatImage], cells: list[NDArray[np.bool_]]) -> float:
    """Slope at the outlines of the cells, relative to the rise around each place."""
    reach = int(WORKING_DIAMETER) // 2 * 2 + 1
    found = []
    for part, mask in zip(smooth, cells, strict=True):
        border = mask & ~ndimage.binary_erosion(mask, border_value=1)
        rows, columns = np.nonzero(border)
        if not len(rows) or min(part.shape) < 2:
            continue
        slope = np.hypot(*np.gradient(part))[rows, columns]
        rise = (ndimage.maximum_filter(part, reach) - ndimage.minimum_filter(part, reach))[
            rows, columns
        ]
        found.append(slope[rise > 0] / rise[rise > 0])
    slopes = np.concatenate(found) if found else np.zeros(0)
    return float(np.median(slopes)) if len(slopes) >= _LEAST_BORDER else float("nan")


def _unevenness(smooth: list[FloatImage], ground: list[NDArray[np.bool_]]) -> float:
    """Say how much the background varies from one block of the field to the next."""
    levels = []
    for part, mask in zip(smooth, ground, strict=True):
        rows, columns = (max(1, side // _BLOCK) for side in part.shape)
        names = (np.arange(part.shape[0]) * rows // part.shape[0])[:, None] * columns + (
            np.arange(part.shape[1]) * columns // part.shape[1]
        )
        known = np.bincount(names[mask], minlength=rows * columns)
        sums = np.bincount(names[mask], weights=part[mask], minlength=rows * columns)
        enough = known >= part.size / (rows * columns) / 4
        levels.append(sums[enough] / known[enough])
    level = np.concatenate(levels)
    return float(level.std()) if len(level) else 0.0


def _skewness(values: FloatImage) -> float:
    centred = values.astype(np.float64) - values.mean()
    squares = centred * centred
    spread = float(np.sqrt(squares.mean()))
    constant = spread <= _ROUNDING * float(np.abs(values).max())
    return 0.0 if constant else float(np.mean(squares * centred)) / spread**3
