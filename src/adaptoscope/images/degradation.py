"""What optics and a camera do to a picture: blur, uneven light, noise, saturation.

All functions are pure. Intensities are in any linear unit unless a function says electrons; fields
are 2-D arrays (row, column). Randomness comes in as a generator, and drawing a random field is kept
apart from applying it, so that every result can be replayed.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatImage = NDArray[np.float32]

# Pixels; from here on the coarser grid is quicker, and its error small (see `blur`).
WIDEST_DIRECT_SIGMA = 6.0


def blur(pixels: FloatImage, sigma: float) -> FloatImage:
    """Blur with a Gaussian of standard deviation `sigma` pixels, reflected at the borders.

    A wide blur is computed on a coarser grid: the result differs from the direct one by less than
    five per cent of the brightest pixel, even around single bright pixels, at a part of the cost.
    """
    if sigma <= 0:
        return np.array(pixels, dtype=np.float32)
    if sigma <= WIDEST_DIRECT_SIGMA or min(pixels.shape) < 8 * WIDEST_DIRECT_SIGMA:
        return np.asarray(ndimage.gaussian_filter(np.float32(pixels), sigma, mode="reflect"))
    factor = max(1, min(int(2 * sigma / WIDEST_DIRECT_SIGMA), min(pixels.shape) // 48))
    coarse = _block_mean(pixels.astype(np.float32), factor)
    # Averaging blocks (1/12) and drawing lines between them (1/6) blur as well.
    remaining = np.sqrt((sigma / factor) ** 2 - 1 / 4)
    coarse = ndimage.gaussian_filter(coarse, remaining, mode="reflect")
    return enlarge(coarse, factor, (pixels.shape[0], pixels.shape[1]))


def blur_with_halo(
    pixels: FloatImage, sigma: float, *, halo_sigma: float, halo_weight: float
) -> FloatImage:
    """Blur with a sharp core and a wide skirt, as a wide-field microscope does.

    Light from above and below the focal plane is not rejected there, so that each bright thing is
    surrounded by a faint halo; two Gaussians describe it well enough for training data. Standard
    deviations are in pixels; `halo_weight` is the share of the light that goes to the skirt.
    """
    core = blur(pixels, sigma)
    if halo_weight <= 0:
        return core
    return (1 - halo_weight) * core + halo_weight * blur(pixels, halo_sigma)


def smooth_field(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> FloatImage:
    """Draw a smooth random field of mean near 0 and standard deviation near 1.

    It changes over `scale` pixels: a cubic interpolation of independent normal knots.
    """
    knots = tuple(max(int(np.ceil(side / max(scale, 1.0))) + 1, 2) for side in shape)
    values = rng.standard_normal(knots).astype(np.float32)
    rows = _spline_weights(shape[0], knots[0])
    columns = _spline_weights(shape[1], knots[1])
    return np.asarray(rows @ values @ columns.T, dtype=np.float32)


def illumination(
    shape: tuple[int, int],
    *,
    vignette: float,
    tilt: tuple[float, float] = (0.0, 0.0),
    centre: tuple[float, float] = (0.0, 0.0),
) -> FloatImage:
    """Give the relative brightness of the lamp over the field of view: mean 1, never below 0.05.

    Parameters
    ----------
    vignette
        Loss of light in the corners relative to the centre, 0 to 1.
    tilt
        Relative change along rows and columns from the centre to the border.
    centre
        Brightest spot relative to the image's centre, in half sides, (row, column).
    """
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    distance = ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / 2
    field = 1 - vignette * distance + tilt[0] * rows + tilt[1] * columns
    field = np.maximum(field, np.float32(0.05))
    return np.asarray((field / field.mean()), dtype=np.float32)


def shot_and_read_noise(
    electrons: FloatImage,
    rng: np.random.Generator,
    *,
    read_noise: float,
    row_noise: float = 0.0,
) -> FloatImage:
    """Add the noise of counting photons and of reading the sensor to expected electrons.

    `row_noise` is the deviation of an offset shared by all pixels of a row. What is read may be
    below zero.
    """
    expected = np.maximum(electrons, 0)
    read = rng.poisson(expected).astype(np.float32)
    read += np.float32(read_noise) * rng.standard_normal(expected.shape, dtype=np.float32)
    if row_noise > 0:
        offsets = rng.standard_normal((expected.shape[0], 1), dtype=np.float32)
        read += np.float32(row_noise) * offsets
    return read


def digitise(
    electrons: FloatImage, *, counts_per_electron: float, offset: float, largest_count: int
) -> NDArray[np.uint16]:
    """Turn electrons into counts, 0 to `largest_count`: gain, offset, rounding, saturation."""
    counts = np.rint(electrons * np.float32(counts_per_electron) + np.float32(offset))
    return np.asarray(np.clip(counts, 0, largest_count), dtype=np.uint16)


def enlarge(coarse: FloatImage, factor: int, shape: tuple[int, int]) -> FloatImage:
    """Draw a coarse picture on a finer grid, linearly between the middles of its pixels.

    Parameters
    ----------
    factor
        Pixels of the finer grid along a pixel of the coarse one.
    shape
        Height and width of the finer grid, at most `factor` times that of the coarse one. It is
        constant beyond the middles of the outermost coarse pixels.
    """
    rows = _linear_weights(shape[0], coarse.shape[0], factor)
    columns = _linear_weights(shape[1], coarse.shape[1], factor)
    return np.asarray(rows @ coarse @ columns.T, dtype=np.float32)


def _block_mean(pixels: FloatImage, factor: int) -> FloatImage:
    padding = [(0, -side % factor) for side in pixels.shape]
    padded = np.pad(pixels, padding, mode="edge")
    height, width = (side // factor for side in padded.shape)
    blocks = padded.reshape(height, factor, width, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


@lru_cache(maxsize=32)
def _linear_weights(side: int, knots: int, factor: int) -> FloatImage:
    positions = np.clip((np.arange(side) + 0.5) / factor - 0.5, 0, knots - 1)
    distance = np.abs(positions[:, None] - np.arange(knots)[None, :])
    return np.asarray(np.maximum(1 - distance, 0), dtype=np.float32)


@lru_cache(maxsize=32)
def _spline_weights(side: int, knots: int) -> FloatImage:
    positions = np.linspace(0, knots - 1, side)
    distance = np.abs(positions[:, None] - np.arange(knots)[None, :])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(2 - distance, 0) ** 3 / 6
    weights = np.where(distance < 1, near, far)
    return np.asarray(
        (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))), dtype=np.float32
    )
