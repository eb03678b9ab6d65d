"""The light around cells, measured on a style image and given to outputs.

In a wide-field microscope a nucleus does not end at its border: its light is spread over many
pixels, by the optics, by haze and by what lies out of focus. A backbone that is told where the
cells are makes them end there. The light around the cells of a style image is measured as the sum
of a few blurs of the cells themselves, of widths in proportion to those cells, and added to every
output. What little light the backbone gave of its own accord stays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from adaptoscope.images.measurement import background_level

WIDTHS = (0.08, 0.16, 0.32, 0.64, 1.28)
"""Standard deviations of the blurs, in cell diameters."""

_MARGIN = 0.08
_FAR = 0.32
_MOST_PIXELS = 40_000
_SOFT_PX = 0.7


@dataclass(frozen=True)
class Glow:
    """How the light of cells spreads.

    Parameters
    ----------
    shares
        Light in each blur as a share of the light inside the cells, shape (5,).
    diameter
        Diameter of the style image's cells in pixels, by which the blurs are scaled.
    """

    shares: NDArray[np.float32]
    diameter: float


def measure_glow(
    pixels: NDArray[np.float32], labels: NDArray[np.integer], diameter: float
) -> Glow | None:
    """Measure the light around cells.

    Parameters
    ----------
    pixels
        Shape (H, W), in any linear unit.
    labels
        Above 0 inside the cells, shape (H, W).
    diameter
        Of the cells, in pixels.

    Returns
    -------
    Glow or None
        None where there is no cell, or no ground between the cells.
    """
    cells = labels > 0
    reach = max(1, round(_MARGIN * diameter))
    outside = ~ndimage.binary_dilation(cells, iterations=reach)
    if not cells.any() or not outside.any():
        return None
    above = pixels - background_level(pixels)[0]
    step = max(1, int(outside.sum()) // _MOST_PIXELS)
    light = np.clip(above, 0, None) * cells
    columns = [blurred[outside][::step] for blurred in _blurs(light, diameter)]
    level = np.ones_like(columns[0])
    # The level between the cells holds some of their light: it is fitted too, in either direction.
    blurs = np.stack([*columns, level, -level], axis=1).astype(np.float64)
    found, _ = optimize.nnls(blurs, above[outside][::step].astype(np.float64))
    return Glow(found[: len(WIDTHS)].astype(np.float32), diameter)


def glow_of_cells(
    pixels: NDArray[np.float32], cells: NDArray[np.bool_], glow: Glow
) -> NDArray[np.float32]:
    """Return the light that cells shed around them, to be added to an image.

    Parameters
    ----------
    pixels
        What the backbone made, shape (H, W), in any linear unit.
    cells
        Where the cells are, shape (H, W).
    glow
        As measured on the style image.

    Returns
    -------
    numpy.ndarray
        Shape (H, W), in the unit of `pixels`; falling to 0 inside the cells, whose own light holds
        what their neighbours shed on them, and 0 everywhere if there is no ground between them.
    """
    reach = max(1, round(_FAR * glow.diameter))
    outside = ~ndimage.binary_dilation(cells, iterations=reach)
    if not outside.any():
        return np.zeros_like(pixels)
    ground = float(np.median(pixels[outside]))
    light = np.clip(pixels - ground, 0, None) * cells
    weighted = zip(glow.shares, _blurs(light, glow.diameter), strict=True)
    inside = ndimage.gaussian_filter(cells.astype(np.float32), _SOFT_PX)
    shed: NDArray[np.float32] = (1 - inside) * sum(part * blurred for part, blurred in weighted)
    return shed


def _blurs(light: NDArray[np.float32], diameter: float) -> list[NDArray[np.float32]]:
    return [ndimage.gaussian_filter(light, width * diameter, mode="reflect") for width in WIDTHS]
