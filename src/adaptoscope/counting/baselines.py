"""Simple counters that every learnt one has to beat: classical detectors and a constant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.counters import ImageCount
from adaptoscope.errors import InputError
from adaptoscope.images.appearance import measure_appearance
from adaptoscope.images.blobs import (
    automatic_threshold,
    candidate_sigmas,
    difference_of_gaussians_peaks,
    fit_difference_of_gaussians,
    measured_diameter,
    otsu_watershed_labels,
    sigma_of_diameter,
)
from adaptoscope.images.cell_centres import centres_of_labels, no_points
from adaptoscope.images.saturation import clipped_shares
from adaptoscope.training.progress import progress

Image = npt.NDArray[np.float32]

# Of the difference of Gaussians that answers most to a disc.
_DIAMETER_PER_SIGMA = 1.0 / sigma_of_diameter(1000.0) * 1000.0
# One in a hundred images of the training splits of DSB 2018, BBBC039 and IDCIA lies beyond each;
# IDCIA, the softest of them, has noise that blurred images have not.
_SATURATED = 0.01
_NOISY = 0.08
_SOFT, _SOFT_AND_SMOOTH, _SMOOTH = 0.12, 0.17, 0.0015
_UNEVEN = 0.25
# Diameters of splitting that are tried, as shares of the measured one, by eye.
_DIAMETER_FACTORS = (0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0)


@dataclass(frozen=True)
class DogCounter:
    """Peaks of the difference of Gaussians.

    Parameters
    ----------
    sigma
        Inner deviation in pixels; None takes it from the diameter measured in each image.
    threshold
        Least response in the unit of the stored range; None chooses it for each image.
    """

    sigma: float | None = None
    threshold: float | None = None

    @classmethod
    def fit(cls, images: Sequence[Image], counts: Sequence[float]) -> Self:
        """Fit deviation and threshold."""
        sigmas = progress(candidate_sigmas(images), "fit dog")
        return cls(*fit_difference_of_gaussians(images, counts, sigmas))

    @property
    def own_diameter_px(self) -> float | None:
        """Diameter in pixels of the cells that a fitted deviation answers to most."""
        return None if self.sigma is None else self.sigma * _DIAMETER_PER_SIGMA

    def count(self, pixels: Image, *, diameter_px: float | None = None) -> ImageCount:
        """Count the peaks of an image."""
        diameter = diameter_px or self.own_diameter_px or measured_diameter(pixels)
        if diameter is None:
            return ImageCount(0.0, no_points())
        fitted = self.sigma if diameter_px is None else None
        sigma = fitted or sigma_of_diameter(diameter)
        threshold = self.threshold
        if threshold is None:
            threshold = automatic_threshold(pixels, sigma)
        points = difference_of_gaussians_peaks(pixels, sigma, threshold)
        return ImageCount(float(len(points)), points, diameter)


@dataclass(frozen=True)
class OtsuWatershedCounter:
    """Pieces above Otsu's threshold, touching ones split.

    Parameters
    ----------
    splitting_px
        Diameter, in pixels, from which pieces are split and kept; None takes the measured one.
    """

    splitting_px: float | None = None

    @classmethod
    def fit(cls, images: Sequence[Image], counts: Sequence[float]) -> Self:
        """Fit the diameter of splitting."""
        return cls(_fit_splitting(images, counts))

    @property
    def own_diameter_px(self) -> float | None:
        """Diameter in pixels from which it was fitted to split pieces."""
        return self.splitting_px

    def count(self, pixels: Image, *, diameter_px: float | None = None) -> ImageCount:
        """Count the pieces of an image."""
        diameter = diameter_px or measured_diameter(pixels)
        if diameter is None:
            return ImageCount(0.0, no_points())
        splitting = diameter_px or self.splitting_px or diameter
        points = centres_of_labels(otsu_watershed_labels(pixels, splitting))
        return ImageCount(float(len(points)), points, diameter)


@dataclass(frozen=True)
class ConstantCounter:
    """The same number for every image: what any counter must beat."""

    value: float = 0.0

    @classmethod
    def fit(cls, images: Sequence[Image], counts: Sequence[float]) -> Self:
        """Take the median, which has the least absolute error."""
        return cls(float(np.median(counts)))

    @property
    def own_diameter_px(self) -> float | None:
        """None, as no cell is looked for."""
        return None

    def count(self, pixels: Image, *, diameter_px: float | None = None) -> ImageCount:
        """Return the constant, whatever the image shows."""
        return ImageCount(self.value)


def doubts(pixels: Image, diameter: float) -> tuple[str, ...]:
    """Say what about an image leads simple counters astray.

    Parameters
    ----------
    pixels
        Shape (H, W), in [0, 1] of the stored range.
    diameter
        Usual cell diameter in pixels.
    """
    look = measure_appearance(pixels, diameter)
    smoothed = look.sharpness < _SOFT_AND_SMOOTH and look.noise < _SMOOTH
    said = {
        "saturated": clipped_shares(pixels).bright > _SATURATED,
        "blurred": look.sharpness < _SOFT or smoothed,
        "much noise": look.noise > _NOISY,
        "uneven background": look.unevenness > _UNEVEN,
    }
    return tuple(words for words, holds in said.items() if holds)


def _fit_splitting(images: Sequence[Image], counts: Sequence[float]) -> float:
    measured = [known for image in images if (known := measured_diameter(image)) is not None]
    if not measured:
        raise InputError("No image shows cells to measure.", remedy="check channel and images")
    candidates = np.round(np.median(measured) * np.array(_DIAMETER_FACTORS), 2)
    truth = np.asarray(counts, dtype=np.float64)

    def error(diameter: float) -> float:
        found = [float(otsu_watershed_labels(image, diameter).max()) for image in images]
        return float(np.abs(np.array(found) - truth).mean())

    return float(min(progress(candidates, "fit otsu_watershed"), key=error))
