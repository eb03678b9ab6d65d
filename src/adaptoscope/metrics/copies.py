"""Whether made pictures are copies of the real ones that they were made after.

A picture is looked for in the real images by normalised cross-correlation over all offsets. How
high that is depends on what the picture shows: a single round cell is found nearly everywhere. So
its own mirror images are looked for as well. They show the same cells, in places where no copy has
them, and what they reach is what chance reaches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray

THRESHOLD = 0.4
"""Excess from which on a picture is a copy. Of 61 crops of IDCIA, training split, moved by parts of
a pixel, blurred, brightened and made noisy, all with three cells or more reach 0.6. Of a thousand
tiles of other real images, drawings and simulations, which can copy nothing, one exceeds 0.27: its
field overlaps another."""

# By eye: pictures are shrunk to about this edge, where cells are still some pixels wide.
_REDUCED_EDGE = 64
# By eye: what varies over more reduced pixels than this is illumination, in which images are alike.
_WIDEST_STRUCTURE = 6.0
# Windows with a smaller share of the largest variance would divide rounding errors by nothing.
_LEAST_SHARE = 1e-3
# Deviations of the background up to which brightness counts in full; above, its logarithm does.
_LINEAR = 3.0
# Share of a picture's range that is added to that deviation, which may be 0.
_LEAST_SPREAD = 0.01


@dataclass(frozen=True)
class CopyCheck:
    """How far pictures stand out by the place in a real image that is most like them.

    Parameters
    ----------
    highest, median
        Excess over the made pictures, as from `CorrelationSearch.excess`: 1 is identity, 0 chance.
    real_pictures, real_highest, real_copies
        Number of real pictures that were looked for in other real images in the same way, the
        highest excess among them (None: no picture), and how many reach the threshold. Real images
        of one place do, which overlap.
    copies
        Names of the made pictures at or above the threshold.
    """

    pictures: int
    highest: float
    median: float
    real_pictures: int
    real_highest: float | None
    real_copies: int
    threshold: float
    copies: tuple[str, ...]


def check_copies(
    excesses: npt.ArrayLike, between_real: npt.ArrayLike, names: Sequence[str]
) -> CopyCheck:
    """Tell copies from pictures that are no nearer to a real image than their mirror images are.

    Parameters
    ----------
    excesses, names
        Shape (N,), excess of each made picture, and its name.
    between_real
        Shape (M,), that of real pictures in other real images; NaN for those that have none. It
        takes no part in the verdict: it says how often real pictures pass for copies.
    """
    made, real = np.asarray(excesses, np.float64), np.asarray(between_real, np.float64)
    if not made.size or made.shape != (len(names),) or not np.isfinite(made).all():
        raise InputError(
            "Copies cannot be looked for.",
            expected="at least one made picture, each with a finite excess and a name",
            found=f"shape {made.shape}, {int(np.isfinite(made).sum())} finite, {len(names)} names",
        )
    known = real[np.isfinite(real)]
    return CopyCheck(
        pictures=len(made),
        highest=float(made.max()),
        median=float(np.median(made)),
        real_pictures=len(known),
        real_highest=float(known.max()) if known.size else None,
        real_copies=int((known >= THRESHOLD).sum()),
        threshold=THRESHOLD,
        copies=tuple(name for name, high in zip(names, made, strict=True) if high >= THRESHOLD),
    )


class CorrelationSearch:
    """Looks for square pictures inside larger images, at all offsets, in reduced resolution.

    The correlation is that of `skimage.feature.match_template`, with the transforms of images and
    pictures kept: 15 times as fast where many pictures are looked for.

    Parameters
    ----------
    images
        Source and pixels of each image, shapes (H, W), at least as large as the pictures.
    edge
        Edge of the pictures to look for, in pixels.
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

    def excess(self, picture: npt.NDArray[np.floating], source: str | None = None) -> float:
        """Return how far the picture is found better than its mirror images are.

        With c the correlation of the picture as from `largest`, and m the highest of those of its
        images mirrored up-down, left-right, and both: (c - m) / (1 - m). At most 1, below 0 where a
        mirror image fits better, 0 for a picture that is its own mirror image or has no structure;
        NaN where no image is left to compare with.
        """
        upright = self.largest(picture, source)
        mirrored = (picture[::-1], picture[:, ::-1], picture[::-1, ::-1])
        chance = max(self.largest(each, source) for each in mirrored)
        return (upright - chance) / (1 - chance) if chance < 1 else upright - chance

    def largest(self, picture: npt.NDArray[np.floating], source: str | None = None) -> float:
        """Return the highest normalised cross-correlation with any part of any image, 0 to 1.

        The image `source` is left out, from which the picture was cut. NaN where none is left, 0
        for a picture without structure.
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
    smooth = ndimage.gaussian_filter(_compressed(pixels), factor / 2 if factor > 1 else 0)
    height, width = (side // factor for side in smooth.shape)
    blocks = smooth[: height * factor, : width * factor].reshape(height, factor, width, factor)
    shrunk = blocks.mean(axis=(1, 3))
    return np.asarray(shrunk - ndimage.gaussian_filter(shrunk, _WIDEST_STRUCTURE))


def _compressed(pixels: npt.NDArray[np.floating]) -> FloatArray:
    """Even out bright and dim cells: two bright ones alone are found in many an image."""
    raised = pixels.astype(np.float64) - np.median(pixels)
    spread = 1.4826 * np.median(np.abs(raised)) + _LEAST_SPREAD * np.ptp(raised)
    return np.asarray(np.arcsinh(raised / (_LINEAR * spread)) if spread > 0 else raised)
