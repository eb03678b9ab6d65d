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

# Wider than half a cell it is haze, which lies over neighbouring cells too.
_WIDE = np.array(WIDTHS) > 0.5

# Cell diameters, the narrowest blur: pixels nearer to a border are not fitted; by eye.
_MARGIN = 0.08
# Cell diameters: beyond it pixels count as ground; by eye.
_FAR = 0.32
# Bounds the time of the fit.
_MOST_PIXELS = 40_000
# Pixels over which light inside and outside of cells is blended, so that no rim is seen; by eye.
_SOFT_PX = 0.7


@dataclass(frozen=True)
class Glow:
    """How the light of cells spreads.

    Parameters
    ----------
    shares
        Light in each blur as a share of the light inside the cells, shape (5,).
    diameter
        Of the style image's cells in pixels, by which the blurs are scaled.
    inside
        Wide blurs inside the cells, as a share of the light there: what the brightness of the style
        image's cells holds of its other cells.
    cover
        Share of the style image that lies inside cells.
    """

    shares: NDArray[np.float32]
    diameter: float
    inside: float
    cover: float


def measure_glow(
    pixels: NDArray[np.float32], labels: NDArray[np.integer], diameter: float
) -> Glow | None:
    """Measure the light around cells, given by labels, of a diameter in pixels.

    `pixels` are in any linear unit. None where there is no cell, or no ground between the cells.
    """
    cells = labels > 0
    reach = max(1, round(_MARGIN * diameter))
    outside = ~ndimage.binary_dilation(cells, iterations=reach)
    if not cells.any() or not outside.any():
        return None
    above = pixels - background_level(pixels)[0]
    step = max(1, int(outside.sum()) // _MOST_PIXELS)
    light = np.clip(above, 0, None) * cells
    blurred = _blurs(light, diameter)
    columns = [each[outside][::step] for each in blurred]
    level = np.ones_like(columns[0])
    # The level between the cells holds some of their light: it is fitted too, in either direction.
    blurs = np.stack([*columns, level, -level], axis=1).astype(np.float64)
    found, _ = optimize.nnls(blurs, above[outside][::step].astype(np.float64))
    shares = found[: len(WIDTHS)].astype(np.float32)
    wide = np.tensordot(shares * _WIDE, np.stack(blurred), axes=1)
    within = float(light[cells].mean())
    inside = float(wide[cells].mean()) / within if within > 0 else 0.0
    return Glow(shares, diameter, inside, float(cells.mean()))


def glow_of_cells(
    pixels: NDArray[np.float32], cells: NDArray[np.bool_], glow: Glow
) -> NDArray[np.float32]:
    """Return the light that cells shed around them, shape (H, W), to be added to an image.

    An image that is denser than the style image gets as much light in all as that one holds, and
    not more for every cell: of denser images nothing was measured. Inside the cells it is the haze
    beyond that which the style image's cells hold already, so that cells stand out from their
    surroundings however dense they are; 0 everywhere if there is no ground between the cells.

    Parameters
    ----------
    pixels
        What the backbone made, shape (H, W), in any linear unit.
    """
    reach = max(1, round(_FAR * glow.diameter))
    outside = ~ndimage.binary_dilation(cells, iterations=reach)
    if not outside.any():
        return np.zeros_like(pixels)
    ground = float(np.median(pixels[outside]))
    light = np.clip(pixels - ground, 0, None) * cells
    part = min(1.0, glow.cover / float(cells.mean())) if cells.any() else 0.0
    blurred = part * np.stack(_blurs(light, glow.diameter))
    near = np.tensordot(glow.shares * ~_WIDE, blurred, axes=1)
    haze = np.tensordot(glow.shares * _WIDE, blurred, axes=1)
    held = part * glow.inside * float(light[cells].mean()) if part else 0.0
    inside = ndimage.gaussian_filter(cells.astype(np.float32), _SOFT_PX)
    shed = (1 - inside) * (near + haze) + inside * np.maximum(haze - held, 0)
    return np.asarray(shed, dtype=np.float32)


def _blurs(light: NDArray[np.float32], diameter: float) -> list[NDArray[np.float32]]:
    return [ndimage.gaussian_filter(light, width * diameter, mode="reflect") for width in WIDTHS]
