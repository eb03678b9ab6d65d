"""Recipes that people use without any training, as they stand: nothing of them is fitted here."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from adaptoscope.counting.counters import ImageCount
from adaptoscope.images.blobs import measured_diameter
from adaptoscope.images.cell_centres import centres_of_labels, no_points
from adaptoscope.images.medians import otsu_threshold

Image = npt.NDArray[np.float32]

# ImageJ's own defaults and those of its tutorials on nuclei: radius of the ball and of the blur in
# pixels, how much smaller the image is made for a ball of more than 10, tolerance of the watershed,
# least area in pixels.
_BALL, _BLUR = 50.0, 1.0
_SHRUNK = 4
_TOLERANCE = 0.5
_LEAST_AREA = 20

# Blur of the spots, as a share of the cell diameter: of 1/4 to 1/10 the one with the least mean
# error over the training splits of dsb2018 and bbbc039. Blur of the outlines in pixels.
_SPOT, _OUTLINE = 1 / 7, 1.0


@dataclass(frozen=True)
class ParticlesCounter:
    """ImageJ: subtract background, blur, automatic threshold, watershed, analyse particles."""

    @property
    def own_diameter_px(self) -> float | None:
        """None: the recipe knows no size of cells."""
        return None

    def count(self, pixels: Image, *, diameter_px: float | None = None) -> ImageCount:
        """Count the particles; a diameter changes nothing but what is told of the image."""
        diameter = diameter_px or measured_diameter(pixels)
        if diameter is None:
            return ImageCount(0.0, no_points())
        points = centres_of_labels(_particles(pixels))
        return ImageCount(float(len(points)), points, diameter)


@dataclass(frozen=True)
class VoronoiOtsuCounter:
    """Spots of the blurred image inside Otsu's mask, one for each cell (Haase et al., 2020)."""

    @property
    def own_diameter_px(self) -> float | None:
        """None: the size of the spots follows the cells of each image."""
        return None

    def count(self, pixels: Image, *, diameter_px: float | None = None) -> ImageCount:
        """Count the spots."""
        diameter = diameter_px or measured_diameter(pixels)
        if diameter is None:
            return ImageCount(0.0, no_points())
        outline = ndimage.gaussian_filter(pixels, _OUTLINE)
        spots = ndimage.gaussian_filter(pixels, _SPOT * diameter)
        highest = spots == ndimage.maximum_filter(spots, size=3)
        inside = highest & (outline > otsu_threshold(outline))
        labels = ndimage.label(inside, structure=np.ones((3, 3)))[0]
        points = centres_of_labels(labels)
        return ImageCount(float(len(points)), points, diameter)


def _particles(pixels: Image) -> npt.NDArray[np.int32]:
    """Label the particles of an image, shape (H, W)."""
    from skimage.filters import threshold_isodata
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    level = ndimage.gaussian_filter(pixels - _background(pixels), _BLUR)
    if level.min() == level.max():
        return np.zeros(pixels.shape, np.int32)
    mask = ndimage.binary_fill_holes(level > threshold_isodata(level))
    distance = ndimage.distance_transform_edt(mask)
    seeds = ndimage.label(h_maxima(distance, _TOLERANCE), structure=np.ones((3, 3)))[0]
    pieces: Any = watershed(-distance, seeds, mask=mask)
    areas = np.bincount(pieces.ravel())
    kept = areas >= _LEAST_AREA
    kept[0] = False
    return np.asarray(np.where(kept, np.cumsum(kept), 0)[pieces], dtype=np.int32)


def _background(pixels: Image) -> Image:
    """Roll a ball under the image, made smaller by its minima as ImageJ does."""
    from skimage.restoration import rolling_ball
    from skimage.transform import resize

    height, width = pixels.shape
    padded = np.pad(pixels, ((0, -height % _SHRUNK), (0, -width % _SHRUNK)), mode="edge")
    rows, columns = padded.shape
    blocks = padded.reshape(rows // _SHRUNK, _SHRUNK, columns // _SHRUNK, _SHRUNK)
    small = blocks.min(axis=(1, 3))
    # The ball is one of the intensities of an 8-bit image.
    ball = rolling_ball(255 * small, radius=_BALL / _SHRUNK) / 255
    whole = resize(ball, (rows, columns), order=1, mode="edge")
    return np.asarray(whole[:height, :width], dtype=np.float32)
