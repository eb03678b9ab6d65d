"""Whether made pictures are copies of the real ones that they were made after.

Every picture is compared with its nearest real neighbour, by features or by normalised
cross-correlation over all offsets. How near real pictures lie to other real pictures says what is
no copy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from adaptoscope.errors import InputError
from adaptoscope.metrics.kernel_distance import as_features

FloatArray = npt.NDArray[np.float64]

MARGIN = 0.25
"""A copy lies at least this far on the way from the nearest real neighbours to identity."""

HIGH = 0.99
"""Quantile that stands for the nearest real neighbours; one odd pair does not decide it."""

_REDUCED_EDGE = 64
_WIDEST_STRUCTURE = 6.0
_LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class CopyCheck:
    """Similarity of made pictures to their nearest real neighbours.

    Parameters
    ----------
    highest, median
        Over the made pictures; 1 is identity.
    real_high, real_median
        Quantile 0.99 and median over real pictures, each compared with other real images.
    threshold
        From which similarity on a picture is called a copy.
    copies
        Names of the pictures at or above it.
    """

    highest: float
    median: float
    real_high: float
    real_median: float
    threshold: float
    copies: tuple[str, ...]


def check_copies(
    similarities: npt.ArrayLike, between_real: npt.ArrayLike, names: Sequence[str]
) -> CopyCheck | None:
    """Tell copies from pictures that are no nearer to a real one than real ones are.

    Parameters
    ----------
    similarities
        Shape (N,), similarity of each made picture to its nearest real neighbour, at most 1.
    between_real
        Shape (M,), that of real pictures to their nearest neighbour in other real images; NaN for
        those that have none.
    names
        Name of each made picture.

    Returns
    -------
    CopyCheck or None
        The threshold lies a quarter of the way from the quantile 0.99 of the similarity between
        real pictures to identity, so that the most similar of many pictures is not called a copy by
        chance. None where no real picture has a neighbour: then nothing says what is no copy.

    Raises
    ------
    InputError
        If a list is empty or the names do not belong to the pictures.
    """
    made, real = np.asarray(similarities, np.float64), np.asarray(between_real, np.float64)
    if not made.size or not real.size or made.shape != (len(names),):
        raise InputError(
            "Copies cannot be looked for.",
            expected="at least one made and one real picture, each made one with its name",
            found=f"shapes {made.shape} and {real.shape}, {len(names)} names",
        )
    known = real[np.isfinite(real)]
    if not known.size:
        return None
    high = float(np.quantile(known, HIGH))
    threshold = high + MARGIN * (1 - high)
    return CopyCheck(
        highest=float(made.max()),
        median=float(np.median(made)),
        real_high=high,
        real_median=float(np.median(known)),
        threshold=threshold,
        copies=tuple(name for name, near in zip(names, made, strict=True) if near >= threshold),
    )


def largest_cosines(
    features: npt.ArrayLike,
    others: npt.ArrayLike,
    sources: tuple[Sequence[str], Sequence[str]] | None = None,
) -> FloatArray:
    """Return the cosine of each row with the most similar row of another set.

    Parameters
    ----------
    features, others
        Shapes (N, D) and (M, D). They are centred on the mean of `others` first, so that what all
        pictures share does not count.
    sources
        Image that each row of the two sets comes from, as something that no other image has, like
        the hash of its pixels; rows of one image are not compared.

    Returns
    -------
    numpy.ndarray
        Shape (N,), from -1 to 1; NaN for a row that has nothing to be compared with.
    """
    one, other = as_features(features, others)
    centre = other.mean(axis=0)
    cosines = _unit_rows(one - centre) @ _unit_rows(other - centre).T
    if sources is not None:
        cosines[np.array(sources[0])[:, None] == np.array(sources[1])[None, :]] = -np.inf
    largest = cosines.max(axis=1)
    return np.where(np.isfinite(largest), np.clip(largest, -1.0, 1.0), np.nan)


class CorrelationSearch:
    """Looks for square pictures inside larger images, at all offsets, in reduced resolution.

    Parameters
    ----------
    images
        Source and pixels of each image, shapes (H, W), at least as large as the pictures.
    edge
        Edge of the pictures to look for, in pixels.

    Raises
    ------
    InputError
        If there is no image, or one is smaller than the pictures.
    """

    def __init__(self, images: Iterable[tuple[str, npt.NDArray[np.floating]]], edge: int) -> None:
        self.edge = edge
        self.factor = max(1, edge // _REDUCED_EDGE)
        self._targets: list[tuple[str, _Target]] = []
        for source, pixels in images:
            if pixels.ndim != 2 or min(pixels.shape) < edge:
                raise InputError(
                    f"The image {source} is too small to look for pictures in.",
                    expected=f"at least {edge} x {edge} pixels",
                    found=f"shape {pixels.shape}",
                )
            reduced = _reduced(pixels, self.factor)
            self._targets.append((source, _Target(reduced, edge // self.factor)))
        if not self._targets:
            raise InputError("There is no image to look for pictures in.")

    def largest(self, picture: npt.NDArray[np.floating], source: str | None = None) -> float:
        """Return the highest normalised cross-correlation with any part of any image.

        Parameters
        ----------
        picture
            Shape (edge, edge).
        source
            Image that the picture was cut from, which is left out.

        Returns
        -------
        float
            From 0 to 1, 0 for a picture without structure; NaN where no image is left to compare
            with.
        """
        if picture.shape != (self.edge, self.edge):
            raise InputError(
                "The picture cannot be looked for.",
                expected=f"{self.edge} x {self.edge} pixels",
                found=f"shape {picture.shape}",
            )
        others = [target for name, target in self._targets if name != source]
        if not others:
            return float("nan")
        reduced = _reduced(picture, self.factor)
        template = reduced - reduced.mean()
        norm = float(np.sqrt((template**2).sum()))
        if norm == 0:
            return 0.0
        turned: dict[tuple[int, ...], npt.NDArray[np.complex64]] = {}
        highest = [0.0]
        for target in others:
            if target.shape not in turned:
                transform = fft.rfft2((template / norm).astype(np.float32), target.shape)
                turned[target.shape] = np.conj(transform)
            highest.append(target.correlation(turned[target.shape]))
        return min(max(highest), 1.0)


class _Target:
    """One reduced image, ready for many correlations."""

    def __init__(self, pixels: FloatArray, edge: int) -> None:
        self.places = tuple(side - edge + 1 for side in pixels.shape)
        self.shape = tuple(fft.next_fast_len(side, real=True) for side in pixels.shape)
        centred = pixels - pixels.mean()
        self.transform = fft.rfft2(centred, self.shape).astype(np.complex64)
        sums, squares = _window_sums(centred, edge), _window_sums(centred**2, edge)
        spread = squares - sums**2 / edge**2
        # Windows without structure would divide rounding errors by nothing.
        norms = np.sqrt(np.maximum(spread, _LEAST_SHARE * spread.max() + 1e-30))
        self.norms = norms.astype(np.float32)

    def correlation(self, turned: npt.NDArray[np.complex64]) -> float:
        """Return the highest correlation with the conjugate transform of a unit template."""
        product = fft.irfft2(self.transform * turned, self.shape)
        return float((product[: self.places[0], : self.places[1]] / self.norms).max())


def _window_sums(pixels: FloatArray, edge: int) -> FloatArray:
    summed = np.pad(pixels, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    whole: FloatArray = (
        summed[edge:, edge:]
        - summed[:-edge, edge:]
        - summed[edge:, :-edge]
        + summed[:-edge, :-edge]
    )
    return whole


def _reduced(pixels: npt.NDArray[np.floating], factor: int) -> FloatArray:
    """Shrink a picture and take off what varies slowly, in which many images are alike.

    It is blurred first, so that an offset by a part of a block changes little.
    """
    smooth = ndimage.gaussian_filter(pixels.astype(np.float64), factor / 2 if factor > 1 else 0)
    height, width = (side // factor for side in smooth.shape)
    blocks = smooth[: height * factor, : width * factor].reshape(height, factor, width, factor)
    shrunk = blocks.mean(axis=(1, 3))
    return np.asarray(shrunk - ndimage.gaussian_filter(shrunk, _WIDEST_STRUCTURE))


def _unit_rows(rows: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12))
