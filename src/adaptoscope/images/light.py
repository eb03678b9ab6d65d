"""The light that lies under everything in an image, fitted in a small copy of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from adaptoscope.imageio.large_images import average_blocks
from adaptoscope.images.medians import robust_deviation

Image = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

# Sides of the reduced image and of the grid on which light is fitted: it changes slowly.
_OVERVIEW = 160
_SAMPLE = 40


# The largest of the 20 000 values of an overview is 5.6 deviations off once in a thousand times.
_CHANCE = 5.6
_SYMMETRY = 0.3


@dataclass(frozen=True, eq=False)
class SmallImage:
    """An image made smaller by means over blocks, its longer side below 320 pixels.

    `rows` and `columns` say where its pixels lie in the image, from -1 to 1.
    """

    pixels: Image
    rows: Values
    columns: Values


def shrink(pixels: Image) -> SmallImage:
    """Make an image smaller by means over blocks; what fills no block at its end is left out."""
    smaller, block = average_blocks(pixels, _OVERVIEW)
    rows, columns = (
        2 * (np.arange(part) + 0.5) * block / side - 1
        for part, side in zip(smaller.shape, pixels.shape, strict=True)
    )
    return SmallImage(smaller, rows, columns)


def fit_light(small: SmallImage, order: int, *, lower: bool = True) -> Values:
    """Fit a polynomial to the ground: what stands above it is left out, and again.

    With `lower` only what is brighter is left out; otherwise what is darker, too. Returns the
    factors of the powers of row and column, shape (order + 1, order + 1).
    """
    step = max(1, max(small.pixels.shape) // _SAMPLE)
    rows, columns = _powers(small.rows[::step], order), _powers(small.columns[::step], order)
    used = np.add.outer(np.arange(order + 1), np.arange(order + 1)) <= order
    terms = np.einsum("hi,wj->hwij", rows, columns)[..., used].reshape(-1, int(used.sum()))
    values = small.pixels[::step, ::step].ravel().astype(np.float64)
    kept = np.ones(values.size, dtype=bool)
    factors = np.zeros((order + 1, order + 1))
    for _ in range(12):
        factors[used] = np.linalg.lstsq(terms[kept], values[kept], rcond=None)[0]
        residual = values - terms @ factors[used]
        off = -residual[residual < 0] if lower else np.abs(residual)
        spread = robust_deviation(off, about=0.0) if off.size else 0.0
        now = (residual if lower else np.abs(residual) / 2) <= spread + 1e-9
        if now.sum() < 3 * terms.shape[1] or np.array_equal(now, kept):
            break
        kept = now
    return factors


def draw_light(factors: Values, rows: Values, columns: Values) -> Image:
    """Draw fitted light at some rows and columns, from -1 to 1; shape (rows, columns)."""
    order = len(factors) - 1
    drawn = _powers(rows, order) @ factors @ _powers(columns, order).T
    return np.asarray(drawn, dtype=np.float32)


def draw_light_over(factors: Values, shape: tuple[int, ...]) -> Image:
    """Draw fitted light over an image of a certain height and width."""
    rows, columns = (2 * (np.arange(side) + 0.5) / side - 1 for side in shape)
    return draw_light(factors, rows, columns)


def _powers(positions: Values, order: int) -> Values:
    return np.asarray(positions[:, None] ** np.arange(order + 1))


def only_noise(pixels: Image) -> bool:
    """Tell whether an image shows nothing but noise: no cell, and nothing that hides one."""
    small = shrink(pixels)
    light = draw_light(fit_light(small, 2, lower=False), small.rows, small.columns)
    level = ndimage.gaussian_filter(small.pixels - light, 1.0)
    spread = float(level.std())
    if spread == 0:
        return True
    score = (level - level.mean()) / spread
    return float(np.abs(score).max()) < _CHANCE and abs(float((score**3).mean())) < _SYMMETRY
