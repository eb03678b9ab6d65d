"""Radial power spectra of image sets: how strong structures of every size are."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import FloatArray

LOWEST_PERIODS = 2.0
"""Periods per image edge at which the bins begin: the Hann window smears what lies below."""

# By eye: smaller images hold a handful of frequencies only.
_SMALLEST = 16


@dataclass(frozen=True)
class SpectrumDistance:
    """How far two mean spectra lie apart, in dB.

    `total` is the root mean square of the differences over the bins; `offset` their mean, first
    minus second: contrast alone, the same in all bins; `shape` what is left after it is taken off:
    ``total**2 = offset**2 + shape**2``.
    """

    total: float
    offset: float
    shape: float
    bins: int


def bin_frequencies(size: int, bins: int = 16) -> FloatArray:
    """Return the mean frequency of every radial bin, shape (K,), rising, in cycles per pixel.

    Bins are of equal width on a logarithmic axis from two periods per image of `size` pixels to
    half a cycle per pixel. Those that hold no coefficient of so small an image are left out.
    """
    return _bins(size, bins)[1]


def radial_spectra(
    images: Iterable[npt.NDArray[np.floating]], *, bins: int = 16, floor: float = 1e-12
) -> FloatArray:
    """Return the radial power spectrum of every image.

    Parameters
    ----------
    images
        Square images of one size, at least 16 pixels, any linear unit.
    floor
        Variance of white noise that is added to the power, so that an image without any structure
        has a logarithm: for images in [0, 1] from 8-bit files ``1 / 12 / 255**2``, the rounding.

    Returns
    -------
    numpy.ndarray
        Shape (N, K), bins as in `bin_frequencies`, in dB: ten times the decimal logarithm of the
        mean power of a bin. Power is scaled so that white noise has its variance at every
        frequency; the image's mean is taken off and a Hann window laid over it.
    """
    rows: list[FloatArray] = []
    size = 0
    for image in images:
        size = size or image.shape[0]
        if image.shape != (size, size) or size < _SMALLEST or bins < 1 or floor <= 0:
            raise InputError(
                "The spectrum of an image cannot be measured.",
                expected=f"squares of one size of at least {_SMALLEST} pixels, a bin, a floor",
                found=f"shape {image.shape}, {bins} bins, floor {floor:g}",
                remedy="cut the images into tiles of one size",
            )
        rows.append(_radial_log_power(image.astype(np.float64), bins, floor))
    if not rows:
        raise InputError("No image was given to measure a spectrum of.")
    return np.stack(rows)


def spectrum_distance(first: npt.ArrayLike, second: npt.ArrayLike) -> SpectrumDistance:
    """Compare the mean logarithmic spectra of two sets, (N, K) and (M, K) from `radial_spectra`."""
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or not one.size:
        raise InputError(
            "Two sets of spectra cannot be compared.",
            expected="one row per image and the same bins",
            found=f"shapes {one.shape} and {other.shape}",
            remedy="measure both on tiles of one size",
        )
    difference = one.mean(axis=0) - other.mean(axis=0)
    offset = float(difference.mean())
    return SpectrumDistance(
        total=float(np.sqrt(np.mean(difference**2))),
        offset=offset,
        shape=float(np.sqrt(np.mean((difference - offset) ** 2))),
        bins=len(difference),
    )


def _radial_log_power(image: FloatArray, bins: int, floor: float) -> FloatArray:
    places, frequencies = _bins(len(image), bins)
    window = _hann(len(image))
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2 / (window**2).sum()
    inside = places >= 0
    sums = np.bincount(places[inside], weights=power[inside], minlength=len(frequencies))
    means = sums / np.bincount(places[inside], minlength=len(frequencies))
    decibels: FloatArray = 10 * np.log10(means + floor)
    return decibels


@functools.lru_cache(maxsize=8)
def _hann(size: int) -> FloatArray:
    line = np.hanning(size + 2)[1:-1]
    return np.outer(line, line)


@functools.lru_cache(maxsize=8)
def _bins(size: int, bins: int) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Bin of every coefficient (-1: none), shape (size, size), and the mean frequency of each."""
    line = np.fft.fftfreq(size)
    radius = np.hypot(line[:, None], line[None, :])
    edges = np.geomspace(LOWEST_PERIODS / size, 0.5, bins + 1)
    edges[-1] += 1e-9
    places = np.digitize(radius, edges) - 1
    places[places == bins] = -1
    used, renumbered = np.unique(places, return_inverse=True)
    first = 1 if used[0] == -1 else 0
    places = renumbered.reshape(radius.shape) - first
    inside = places >= 0
    total = np.bincount(places[inside], weights=radius[inside])
    return places, total / np.bincount(places[inside])
