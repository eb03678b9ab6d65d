"""Domain shifts of a given image, made to measure: light, focus, exposure and camera noise.

All functions are pure and take float32 images (H, W) in *linear light*: 0 is the dark level and 1
the white level of a whole data set, as `LinearLight` holds them. Values below 0 and above 1 occur
and are kept unless a function says otherwise. Noise is drawn by one function and added by another,
so that every result can be replayed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adaptoscope.adaptation.shifts.magnification import magnify
from adaptoscope.adaptation.shifts.settings import ShiftSettings
from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.imageio.microscopy_image import MicroscopyImage
from adaptoscope.images.degradation import blur

FloatImage = NDArray[np.float32]

PERCENTILES = (0.1, 99.9)
_LEVELS = 2**16


@dataclass(frozen=True)
class LinearLight(IntensityRange):
    """The dark (low) and the white (high) level of a data set, as shares of the stored range."""

    @classmethod
    def of_images(
        cls, images: Iterable[FloatImage], dark: Literal["zero", "percentile"] = "percentile"
    ) -> "LinearLight":
        """Measure the white level of a set, the percentile 99.9 of all its pixels.

        Where the two meet, the darkest and the brightest pixel are taken; a set of one intensity
        gets a range of width 1.

        Parameters
        ----------
        images
            Any shapes, in [0, 1] of the stored range. One is held at a time.
        dark
            Whether a stored zero is the dark level, or the percentile 0.1.
        """
        numbers = np.zeros(_LEVELS, dtype=np.int64)
        for pixels in images:
            # Counts of 8 and of 16 bits both lie on the grid of 16 bits.
            counts = np.rint(np.asarray(pixels, np.float64) * (_LEVELS - 1)).astype(np.int64)
            numbers += np.bincount(counts.ravel(), minlength=_LEVELS)
        if not numbers.sum():
            raise InputError("The light of a set without pixels was asked for.")
        low, white = (_percentile(numbers, share) / (_LEVELS - 1) for share in PERCENTILES)
        if white <= low:
            low, white = (float(np.flatnonzero(numbers)[i]) / (_LEVELS - 1) for i in (0, -1))
        low = 0.0 if dark == "zero" else low
        return cls(low, white if white > low else low + 1.0)

    def to_linear(self, pixels: FloatImage) -> FloatImage:
        """Map shares of the stored range to linear light; nothing is clipped."""
        return np.asarray(self.normalise(np.asarray(pixels, np.float64)), np.float32)

    def to_stored_range(self, light: FloatImage) -> FloatImage:
        """Undo `to_linear`."""
        return np.asarray(self.denormalise(np.asarray(light, np.float64)), np.float32)


def overexposed(light: FloatImage, percent: float) -> FloatImage:
    """Expose an image for longer: x' = min(1, p / 100 * x) (paper 2, section 4.3).

    Parameters
    ----------
    light
        Linear light, any shape.
    percent
        p, above 0; below 100 the image becomes darker.

    Returns
    -------
    numpy.ndarray
        Same shape, float32, at most 1; values below 0 are not cut off.
    """
    return saturated(light * np.float32(percent / 100))


def saturated(light: FloatImage) -> FloatImage:
    """Cut off what is brighter than white, as a full camera does."""
    return np.minimum(light, np.float32(1))


def saturated_share(image: MicroscopyImage, white: float) -> float:
    """Return the share of an image's pixels that are stored at or above the white level.

    Parameters
    ----------
    white
        The white level, a share of the stored range.

    Returns
    -------
    float
        0 to 1.
    """
    return float(np.mean(image.stored >= image.scale.to_stored(np.array(white))))


def light_gradient(shape: tuple[int, int], strength: float, angle: float = 0.0) -> FloatImage:
    """Return the factors of a lamp that shines unevenly.

    Parameters
    ----------
    shape
        Height and width in pixels.
    strength
        The factor goes from 1 - strength / 2 to 1 + strength / 2 over the image, in a straight
        line, between its two outermost corners or borders.
    angle
        Towards the brightest place, in degrees: 0 is right, 90 is up.

    Returns
    -------
    numpy.ndarray
        Shape (H, W), float32, mean 1.
    """
    turned = np.deg2rad(angle)
    rows, columns = ((np.arange(side) - (side - 1) / 2) for side in shape)
    along = columns[None, :] * np.cos(turned) - rows[:, None] * np.sin(turned)
    extent = float(np.ptp(along))
    ramp = along / extent if extent > 0 else np.zeros(shape)
    return (1 + strength * ramp).astype(np.float32)


def draw_shot_noise(light: FloatImage, photons: float, rng: np.random.Generator) -> FloatImage:
    """Draw what counting photons adds to an image.

    Parameters
    ----------
    light
        Linear light; below 0 there are no photons and no noise.
    photons
        Photons of a pixel at the white level.

    Returns
    -------
    numpy.ndarray
        Same shape, float32, to be added to the image: mean 0, variance light / photons.
    """
    expected = np.maximum(light, 0).astype(np.float64) * photons
    return ((rng.poisson(expected) - expected) / photons).astype(np.float32)


def draw_read_noise(
    shape: tuple[int, int], deviation: float, rng: np.random.Generator
) -> FloatImage:
    """Draw what reading the camera adds to an image.

    Parameters
    ----------
    shape
        Height and width in pixels.
    deviation
        Standard deviation, as a share of the white level.

    Returns
    -------
    numpy.ndarray
        Shape (H, W), float32, to be added to the image.
    """
    return np.float32(deviation) * rng.standard_normal(shape, dtype=np.float32)


def shift_given(light: FloatImage, settings: ShiftSettings, rng: np.random.Generator) -> FloatImage:
    """Apply shifts to an image that is given to a network, in the order of physics.

    Parameters
    ----------
    light
        Linear light, shape (H, W).
    rng
        Source of noise; untouched where none is asked for.

    Returns
    -------
    numpy.ndarray
        Linear light, shape (H, W), float32; at most 1 where `overexposure` is set.
    """
    shape = (light.shape[0], light.shape[1])
    if settings.scale is not None:
        light = magnify(light, settings.scale)
    if settings.gradient is not None:
        light = light * light_gradient(shape, settings.gradient, settings.gradient_angle)
    if settings.defocus is not None:
        light = blur(light, settings.defocus)
    if settings.overexposure is not None:
        light = light * np.float32(settings.overexposure / 100)
    if settings.photons is not None:
        light = light + draw_shot_noise(light, settings.photons, rng)
    if settings.read_noise is not None:
        light = light + draw_read_noise(shape, settings.read_noise, rng)
    return light if settings.overexposure is None else saturated(light)


def _percentile(numbers: NDArray[np.int64], percent: float) -> float:
    """Return a percentile of values of which a histogram is known, as numpy.percentile does."""
    ends = np.cumsum(numbers)
    place = (int(ends[-1]) - 1) * percent / 100
    below, above = (
        int(np.searchsorted(ends, rank, side="right")) for rank in (np.floor(place), np.ceil(place))
    )
    return below + (above - below) * float(place - np.floor(place))
