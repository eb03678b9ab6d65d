"""Small round things that refract: granules around nuclei, and floating debris."""

import numpy as np
from numpy.typing import NDArray

from adaptoscope.images.degradation import FloatImage
from adaptoscope.simulation.layout import NucleusTable
from adaptoscope.simulation.transmitted.bodies import BodyMaps
from adaptoscope.simulation.transmitted.settings import TransmittedSettings

# Of a Gaussian: deviation over width at half of its height.
_SIGMA_PER_WIDTH = 1 / 2.355
_SMALLEST_SIGMA_PX = 0.45
"""Narrower dots would change with their place between the pixels' middles."""


def draw_granules(
    settings: TransmittedSettings,
    table: NucleusTable,
    bodies: BodyMaps,
    rng: np.random.Generator,
) -> FloatImage:
    """Draw granules and vesicles, dense beside the nucleus and rarer outwards, inside its own body.

    Returns the extra optical path in micrometres on the canvas.
    """
    cells = settings.cells
    shape = (bodies.inside_px.shape[0], bodies.inside_px.shape[1])
    of_nucleus = np.repeat(np.arange(len(table)), rng.poisson(cells.granules_per_cell, len(table)))
    number = len(of_nucleus)
    away = 1.05 + rng.exponential(cells.granule_reach, number)
    around = rng.uniform(0, 2 * np.pi, number)
    sizes = cells.granule_um * np.exp(0.3 * rng.standard_normal(number))
    heights = cells.granule_opd_um * rng.gamma(3.0, 1 / 3, number)
    semi_axes, angles = table.semi_axes[of_nucleus], table.angles[of_nucleus]
    along, across = away * semi_axes.T * np.stack([np.cos(around), np.sin(around)])
    places = table.centres[of_nucleus] + np.stack(
        [
            np.sin(angles) * along + np.cos(angles) * across,
            np.cos(angles) * along - np.sin(angles) * across,
        ],
        axis=1,
    )
    pixels = np.rint(places).astype(int)
    on_canvas = np.all((pixels >= 0) & (pixels < shape), axis=1)
    rows, columns = np.where(on_canvas[:, None], pixels, 0).T
    at_home = bodies.owner[rows // bodies.step, columns // bodies.step] == of_nucleus
    kept = on_canvas & at_home & (bodies.inside_px[rows, columns] > 1)
    sigmas = sizes * _SIGMA_PER_WIDTH / settings.pixel_size_um
    return _dots(shape, places[kept], sigmas[kept], heights[kept])


def draw_debris(
    settings: TransmittedSettings, shape: tuple[int, int], rng: np.random.Generator
) -> FloatImage:
    """Draw floating specks that are no cells, without stain: extra optical path in micrometres."""
    area_mm2 = shape[0] * shape[1] * settings.pixel_size_um**2 * 1e-6
    number = rng.poisson(settings.cells.debris_per_mm2 * area_mm2)
    places = rng.uniform(0, shape, (number, 2))
    sigmas = rng.uniform(0.5, 1.3, number) / settings.pixel_size_um
    return _dots(shape, places, sigmas, rng.uniform(0.05, 0.25, number))


def _dots(
    shape: tuple[int, int],
    places: NDArray[np.float64],
    sigmas: NDArray[np.float64],
    heights: NDArray[np.float64],
) -> FloatImage:
    """Add up Gaussian dots, each in a box of three standard deviations."""
    if not len(places):
        return np.zeros(shape, dtype=np.float32)
    sigmas = np.maximum(sigmas, _SMALLEST_SIGMA_PX)
    reach = int(np.ceil(3 * sigmas.max()))
    steps = np.arange(-reach, reach + 1)
    nearest = np.rint(places).astype(int)
    rows, columns = (nearest[:, axis, None] + steps for axis in (0, 1))
    down, right = (
        np.exp(-(((index - places[:, axis, None]) / sigmas[:, None]) ** 2) / 2)
        for axis, index in ((0, rows), (1, columns))
    )
    down = np.where((rows >= 0) & (rows < shape[0]), down, 0) * heights[:, None]
    right = np.where((columns >= 0) & (columns < shape[1]), right, 0)
    values = down[:, :, None] * right[:, None, :]
    flat = np.clip(rows, 0, shape[0] - 1)[:, :, None] * shape[1]
    flat = flat + np.clip(columns, 0, shape[1] - 1)[:, None, :]
    summed = np.bincount(flat.ravel(), weights=values.ravel(), minlength=shape[0] * shape[1])
    return np.asarray(summed.reshape(shape), dtype=np.float32)
