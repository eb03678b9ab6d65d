"""The kinds of failure that paper 1 shows in Fig. 4, each measured on one image.

What is measured is compared with the contrast of the drawn cells, their size, or the other parts of
the same image, so that one threshold serves dim and bright styles.
"""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.measure import label, regionprops

from adaptoscope.images.blobs import otsu_watershed_labels
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.medians import robust_deviation

FloatImage = NDArray[np.float32]
Region = NDArray[np.bool_]

_MARGIN = 0.5
"""Cell diameters around the cells that count neither as cells nor as background."""
_NARROW_MARGIN = 0.25
"""The same where bright structure is looked for, which stands out from the skirts of cells."""
_BRIGHT = 0.3
"""Share of the cells' contrast above the haze around it at which background is bright structure."""
# Rounding is noise too: without it a flat background would be infinitely quiet.
_STEP_OF_8_BITS = 1 / 255
# Of background, for a deviation that is worth comparing; by eye.
_FEWEST_PIXELS = 100
# A cell and its five nearest; `minimum_found_nearby` was set for it.
_NEIGHBOURHOOD = 6
# Along each side of an image; bounds how small a part can be.
_MOST_PARTS = 4
# Rounds of leaving out edges beyond four deviations; by eye.
_CLIPPINGS = 3
_USUAL_PIXELS = 256 * 256
"""Size of drawings, on which the limit of artefacts was set. A larger field holds more debris."""


@dataclass(frozen=True)
class FailureMeasures:
    """How strongly one image shows each kind of failure; NaN where it cannot be said.

    Parameters
    ----------
    contrast
        Cells above background, in standard deviations of the background's fine noise.
    artefacts
        Bright structure away from the cells that is too thin or too large for a cell, as letters
        and stains are, in areas of one cell; in images larger than 256 x 256 pixels, the mean for
        so many pixels.
    background
        Standard deviation of the background's structure of intermediate size, as a share of the
        cells' contrast.
    uneven_noise
        Fine noise of the noisiest part of the image over that of the quietest.
    uneven_level
        Largest deviation of a part's background from the usual one, in cell contrasts.
    """

    contrast: float
    artefacts: float
    background: float
    uneven_noise: float
    uneven_level: float


UNKNOWN = FailureMeasures(math.nan, math.nan, math.nan, math.nan, math.nan)


def region_of_cells(
    pixels: FloatImage, points: Points, diameter: float, mask: NDArray[np.integer] | None
) -> Region:
    """Return where the cells are: inside the instance mask, if there is one.

    Without it discs around the centres, (N, 2), are taken, and those cells that such a disc
    touches, cut out by Otsu's threshold and a watershed: not by `segment_nuclei`, which is the
    judge of `structure`. The diameter is in pixels.
    """
    if mask is not None:
        return np.asarray(mask > 0)
    region = np.zeros(pixels.shape, dtype=bool)
    if not len(points):
        return region
    limits = np.array(pixels.shape) - 1
    rows, columns = np.clip(np.round(points).astype(int), 0, limits).T
    region[rows, columns] = True
    region = ndimage.distance_transform_edt(~region) <= diameter / 2
    seen = otsu_watershed_labels(pixels, diameter)
    touched = np.unique(seen[region])
    return np.asarray(region | np.isin(seen, touched[touched > 0]))


def measure_failures(pixels: FloatImage, cells: Region, diameter: float) -> FailureMeasures:
    """Measure every kind of failure in one image, shape (H, W), in [0, 1] of the stored range.

    `UNKNOWN` for an image without cells, or with too little background.
    """
    distance = ndimage.distance_transform_edt(~cells)
    ground = distance > _MARGIN * diameter
    if cells.sum() < _FEWEST_PIXELS / 5 or ground.sum() < _FEWEST_PIXELS:
        return UNKNOWN
    level = float(np.median(pixels[ground]))
    # Not the median, as half of the cells may be missing.
    contrast = max(float(np.quantile(pixels[cells], 0.75)) - level, 1e-6)
    near = distance > _NARROW_MARGIN * diameter
    noise = math.hypot(fine_noise(pixels, ground), _STEP_OF_8_BITS / math.sqrt(12))
    parts = _parts(pixels.shape, diameter)
    return FailureMeasures(
        contrast=contrast / noise,
        artefacts=_artefacts(pixels, near, _BRIGHT * contrast, diameter),
        background=_structure(pixels, ground, diameter) / contrast,
        uneven_noise=_uneven_noise(pixels, ground, parts),
        uneven_level=_uneven_level(pixels, ground, parts) / contrast,
    )


def fine_noise(pixels: FloatImage, ground: Region) -> float:
    """Return the standard deviation of the noise between neighbours, where both are background."""
    differences = np.diff(pixels, axis=1)[ground[:, 1:] & ground[:, :-1]].astype(np.float64)
    # A median would be 0 or 1 where noise has few, coarse steps; clipping leaves out the edges.
    for _ in range(_CLIPPINGS):
        if not differences.size:
            return 0.0
        spread = math.sqrt(float(np.mean(differences**2)))
        differences = differences[np.abs(differences) <= 4 * spread]
    return spread / math.sqrt(2)


def emptiest_neighbourhood(points: Points, found: Region) -> float:
    """Return the smallest share found among any cell, centres (N, 2), and those nearest to it.

    Cells lost one here and one there do not make a neighbourhood empty; a masked part does. 1
    where there are fewer than six cells.
    """
    if len(points) < _NEIGHBOURHOOD:
        return 1.0
    _, nearest = KDTree(points).query(points, k=_NEIGHBOURHOOD)
    return float(found[nearest].mean(axis=1).min())


def _parts(shape: tuple[int, ...], diameter: float) -> list[tuple[slice, slice]]:
    """Divide an image into equal parts of at least three cell diameters."""
    number = int(np.clip(min(shape) // (3 * diameter), 1, _MOST_PARTS))
    rows, columns = (np.linspace(0, side, number + 1).astype(int) for side in shape)
    return [
        (slice(rows[i], rows[i + 1]), slice(columns[j], columns[j + 1]))
        for i, j in product(range(number), repeat=2)
    ]


def _smooth(pixels: FloatImage, ground: Region, sigma: float) -> FloatImage:
    """Blur the background alone, cells left out."""
    weight = ndimage.gaussian_filter(ground.astype(np.float32), sigma)
    blurred = ndimage.gaussian_filter(np.where(ground, pixels, 0).astype(np.float32), sigma)
    return np.asarray(blurred / np.maximum(weight, 1e-3))


def _artefacts(pixels: FloatImage, ground: Region, limit: float, diameter: float) -> float:
    haze = _smooth(pixels, ground, diameter)
    bright = ground & (_smooth(pixels, ground, 1.0) - haze > limit)
    depth = ndimage.distance_transform_edt(bright)
    cell = math.pi * diameter**2 / 4
    total = 0.0
    for structure in regionprops(label(bright)):
        if structure.area < 0.1 * cell:
            continue
        length = structure.axis_major_length
        deepest = float((depth[structure.slice] * structure.image).max())
        thin = length > 0.8 * diameter and deepest < 0.22 * diameter
        large = structure.area > 4 * cell or length > 4 * diameter
        total += structure.area / cell if thin or large else 0.0
    return total / max(1.0, pixels.size / _USUAL_PIXELS)


def _structure(pixels: FloatImage, ground: Region, diameter: float) -> float:
    narrow, wide = max(1.0, diameter / 10), max(2.0, diameter / 2)
    band = (_smooth(pixels, ground, narrow) - _smooth(pixels, ground, wide))[ground]
    return robust_deviation(band)


def _uneven_noise(pixels: FloatImage, ground: Region, parts: list[tuple[slice, slice]]) -> float:
    levels = [
        math.hypot(fine_noise(pixels[part], ground[part]), _STEP_OF_8_BITS / 3)
        for part in parts
        if ground[part].sum() >= _FEWEST_PIXELS
    ]
    return max(levels) / min(levels) if levels else math.nan


def _uneven_level(pixels: FloatImage, ground: Region, parts: list[tuple[slice, slice]]) -> float:
    levels = np.array(
        [
            np.median(pixels[part][ground[part]])
            for part in parts
            if ground[part].sum() >= _FEWEST_PIXELS
        ]
    )
    return float(np.abs(levels - np.median(levels)).max()) if len(levels) else math.nan
