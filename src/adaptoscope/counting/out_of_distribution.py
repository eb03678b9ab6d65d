"""What a counter knows, and which images lie outside it: there no interval holds.

The training images are described by a few numbers that have a meaning; a new image is compared
with their scatter and with their ranges, and what is wrong with it is said in words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from adaptoscope.counting.counters import ImageCount
from adaptoscope.errors import InputError
from adaptoscope.images.appearance import FEATURES, Appearance, measure_appearance
from adaptoscope.images.saturation import clipped_shares
from adaptoscope.training.settings import Settings

FloatArray = npt.NDArray[np.float64]

LEAST_IMAGES = 20
"""Fewest training images whose scatter says anything about others."""

LEVEL = 0.99
"""Share of images like those of the training that are not to be flagged for their look."""

_NAMES = (*FEATURES, "number of cells")
_WORDS = {
    "noise": ("less noise", "more noise"),
    "sharpness": ("softer borders", "sharper borders"),
    "unevenness": ("a more even background", "a more uneven background"),
    "covered": ("less area covered by cells", "more area covered by cells"),
    "skewness": ("cells that stand out less", "cells that stand out more"),
    "number of cells": ("fewer cells", "more cells"),
}
# Two per cent more or less of anything never matter, however alike the training images are.
_LEAST_DEVIATION = 0.02
_DIGITS = 6

# A range learnt from a few hundred images has a margin before an image counts as outside.
_SHARPNESS_MARGIN = 0.85
_DENSITY_MARGIN = 2.0
_DIAMETER_MARGIN = 1.5
_CLIPPED_MARGIN = 0.01
# Deviations of sharpness and noise together: 8 of 10 images blurred by 5 pixels lie farther off.
_BLURRED = 2.0

# Twice the limit is never chance; more than one in twenty such images are a kind of their own.
_STRANGE = 2.0
_MOST_STRANGE = 0.05

# A folder is of another kind where, of eight images or more, two fifths are less usual than nine
# in ten of the training images, and chance would do so once in a thousand times.
_UNUSUAL = 0.9
_LEAST_OF_A_FOLDER = 8
_DOMAIN_CERTAINTY = 1e-3
_LEAST_UNUSUAL_SHARE = 0.4


@dataclass(frozen=True)
class Look:
    """How an image compares with those that a counter was trained on.

    Parameters
    ----------
    reasons
        Why the image lies outside what the counter knows, in words; empty if it does not.
    usual
        Whether it is as usual as nine in ten training images: only there an interval holds.
    """

    distance: float
    reasons: tuple[str, ...]
    usual: bool


class TrainingStatistics(Settings):
    """What the training images of a counter look like."""

    images: int
    """Number of images."""

    mean: tuple[float, ...]
    """Means of noise, sharpness, unevenness, covered share, skewness and number of cells, each on
    the scale of `Appearance.as_features`; the number of cells is the logarithm of cells per cell
    area."""

    covariance: tuple[tuple[float, ...], ...]
    """Their covariance, shrunk towards its diagonal; a few images unlike the rest are left out."""

    distance_limit: float
    """Distance beyond which an image looks unlike the training images: the 99 % quantile of their
    own distances, each from all others, and at least what it is for normally distributed ones."""

    usual_limit: float
    """The 90 % quantile of the same distances."""

    clipped: float
    """Share of pixels cut off at the bright end, exceeded by one training image in a hundred."""

    sharpness: float | None
    """Sharpness at the borders of cells that one training image in a hundred falls short of; None
    where no image showed cells."""

    density: float
    """Cells per cell area, exceeded by one training image in a hundred."""

    diameter: tuple[float, float, float]
    """Smallest, median and largest cell diameter in pixels."""

    def reasons(self, pixels: npt.NDArray[np.float32], counted: ImageCount) -> list[str]:
        """Say why an image lies outside what the counter knows.

        Parameters
        ----------
        pixels
            Shape (H, W), in [0, 1] of the stored range.

        Returns
        -------
        list of str
            Empty for an image like those of the training.
        """
        return list(self.look(pixels, counted).reasons)

    def look(self, pixels: npt.NDArray[np.float32], counted: ImageCount) -> Look:
        """Compare an image with the training images.

        Parameters
        ----------
        pixels, counted
            As for `reasons`. Where the counter tells no diameter, the training's is assumed.
        """
        diameter = counted.diameter_px or self.diameter[1]
        appearance = measure_appearance(pixels, diameter)
        density = _density(pixels.shape, counted.count, diameter)
        features = _features(appearance, density)
        distance = float(_distances(features[None], self._mean, self._covariance)[0])
        clipped = clipped_shares(pixels).bright
        said = [
            self._of_saturation(clipped),
            self._of_focus(appearance.sharpness, features),
            self._of_density(density),
            self._of_size(diameter),
            self._of_distance(distance, features),
        ]
        reasons = tuple(each for each in said if each)
        return Look(distance, reasons, not reasons and distance <= self.usual_limit)

    def change_of_domain(self, distances: Sequence[float]) -> str:
        """Say whether a whole folder looks unlike the training images.

        Parameters
        ----------
        distances
            Of the images of the folder, as `look` gives them.

        Returns
        -------
        str
            Empty unless so many images are less usual than nine in ten training images that chance
            does not explain it; fewer than eight images say nothing.
        """
        number = len(distances)
        unusual = int(np.sum(np.asarray(distances) > self.usual_limit))
        if number < _LEAST_OF_A_FOLDER or unusual < _LEAST_UNUSUAL_SHARE * number:
            return ""
        if special.bdtrc(unusual - 1, number, 1 - _UNUSUAL) > _DOMAIN_CERTAINTY:
            return ""
        return (
            f"another kind of images: {unusual} of {number} look less usual than nine in ten "
            "training images; check a few counts by hand"
        )

    @property
    def _mean(self) -> FloatArray:
        return np.array(self.mean)

    @property
    def _covariance(self) -> FloatArray:
        return np.array(self.covariance)

    def _of_saturation(self, clipped: float) -> str:
        if clipped <= self.clipped + max(_CLIPPED_MARGIN, 0.5 * self.clipped):
            return ""
        return f"more saturated than the training images: {_percent(clipped)} of the pixels clipped"

    def _of_focus(self, sharpness: float, features: FloatArray) -> str:
        if self.sharpness is None:
            return ""
        if sharpness < _SHARPNESS_MARGIN * self.sharpness:
            return "blurrier than the training images"
        # Blur takes noise away as well: both together tell it from large, soft cells.
        places = [FEATURES.index(name) for name in ("noise", "sharpness")]
        spread = self._covariance[np.ix_(places, places)]
        both = (features - self._mean)[places] / np.sqrt(np.diag(spread))
        alike = spread[0, 1] / np.sqrt(spread[0, 0] * spread[1, 1])
        blurred = both.max() < 0 and both.sum() < -_BLURRED * np.sqrt(2 + 2 * alike)
        return "blurrier and smoother than the training images" if blurred else ""

    def _of_density(self, density: float) -> str:
        if density <= _DENSITY_MARGIN * self.density:
            return ""
        times = density / max(self.density, 1e-9)
        return f"{times:.0f} times as dense as the densest training images"

    def _of_size(self, diameter: float) -> str:
        low, _, high = self.diameter
        if low / _DIAMETER_MARGIN <= diameter <= high * _DIAMETER_MARGIN:
            return ""
        return f"cells of {diameter:.0f} px (training images {low:.0f} to {high:.0f} px)"

    def _of_distance(self, distance: float, features: FloatArray) -> str:
        if distance <= self.distance_limit:
            return ""
        deviations = (features - self._mean) / np.sqrt(np.diag(self._covariance))
        most = int(np.nanargmax(np.abs(deviations)))
        word = _WORDS[_NAMES[most]][int(deviations[most] > 0)]
        return f"looks unlike the training images: {word}"


def known_images(
    images: Iterable[npt.NDArray[np.float32]], counts: Sequence[float], diameters: Sequence[float]
) -> TrainingStatistics | None:
    """Describe the images that a counter was trained on.

    Parameters
    ----------
    images
        Shape (H, W) each, in [0, 1] of the stored range, bright cells on a dark ground; may be a
        generator, one image is held at a time.
    counts
        Number of cells of each image.
    diameters
        Usual cell diameter of each in pixels; those that are not finite become the median.

    Returns
    -------
    TrainingStatistics or None
        None for fewer than 20 images, or where no image has a diameter.
    """
    cells, sizes = np.asarray(counts, np.float64), np.asarray(diameters, np.float64)
    measured = sizes[np.isfinite(sizes)]
    if len(cells) < LEAST_IMAGES or not len(measured):
        return None
    usual = float(np.median(measured))
    rows, clipped, sharpness, densities = [], [], [], []
    filled = np.where(np.isfinite(sizes), sizes, usual).tolist()
    number = 0
    for number, (pixels, diameter) in enumerate(zip(images, filled, strict=False), start=1):
        appearance = measure_appearance(pixels, diameter)
        densities.append(_density(pixels.shape, float(cells[number - 1]), diameter))
        rows.append(_features(appearance, densities[-1]))
        clipped.append(clipped_shares(pixels).bright)
        sharpness.append(appearance.sharpness)
    if not number == len(cells) == len(sizes):
        raise InputError(
            "The training images cannot be described.",
            expected="one count and one diameter for each image",
            found=f"{number} images, {len(cells)} counts, {len(sizes)} diameters",
        )
    features = np.array(rows)
    usual_ones = features[_typical(features)]
    mean, covariance = _moments(usual_ones)
    own = _own_distances(usual_ones)
    soft = np.array(sharpness)[np.isfinite(sharpness)]
    return TrainingStatistics(
        images=number,
        mean=_rounded(mean),
        covariance=tuple(_rounded(row) for row in covariance),
        distance_limit=max(float(np.quantile(own, LEVEL)), _normal_limit(*usual_ones.shape)),
        usual_limit=float(np.quantile(own, _UNUSUAL)),
        clipped=float(np.quantile(clipped, LEVEL)),
        sharpness=float(np.quantile(soft, 1 - LEVEL)) if len(soft) else None,
        density=float(np.quantile(densities, LEVEL)),
        diameter=(float(measured.min()), usual, float(measured.max())),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"


def _density(shape: tuple[int, ...], count: float, diameter: float) -> float:
    """Cells per area of one cell's square, which no magnification changes."""
    return count * diameter**2 / (shape[0] * shape[1])


def _features(appearance: Appearance, density: float) -> FloatArray:
    return np.append(appearance.as_features(), np.log(density + 2e-3))


def _moments(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and shrunk covariance; what is not known of an image is taken as usual."""
    known = np.isfinite(features)
    mean = np.where(known, features, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, features - mean, 0)
    number, width = features.shape
    covariance = centred.T @ centred / (number - 1)
    own = np.diag(np.diag(covariance))
    share = width / (number + width)
    shrunk = (1 - share) * covariance + share * own + _LEAST_DEVIATION**2 * np.eye(width)
    return mean, shrunk


def _distances(features: FloatArray, mean: FloatArray, covariance: FloatArray) -> FloatArray:
    centred = np.nan_to_num(features - mean, nan=0.0)
    squared = np.einsum("ni,ni->n", centred, np.linalg.solve(covariance, centred.T).T)
    distances: FloatArray = np.sqrt(squared)
    return distances


def _typical(features: FloatArray) -> npt.NDArray[np.bool_]:
    """Leave out the few training images, such as empty ones, that are of no kind with the rest."""
    distances = _own_distances(features)
    strange = distances > _STRANGE * _normal_limit(*features.shape)
    return ~(strange & (distances > np.quantile(distances, 1 - _MOST_STRANGE)))


def _own_distances(features: FloatArray) -> FloatArray:
    """Distance of each training image from all others, itself left out."""
    others = ~np.eye(len(features), dtype=bool)
    return np.array(
        [
            _distances(features[place : place + 1], *_moments(features[others[place]]))[0]
            for place in range(len(features))
        ]
    )


def _normal_limit(number: int, width: int) -> float:
    """Distance that one new image in a hundred exceeds if features are normally distributed."""
    factor = width * (number + 1) * (number - 1) / (number * (number - width))
    return float(np.sqrt(factor * special.fdtri(width, number - width, LEVEL)))


def _rounded(values: FloatArray) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in values)
