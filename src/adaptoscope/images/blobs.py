"""Classical detectors of round bright cells: difference of Gaussians, and Otsu with watershed."""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points, centres_of_labels
from adaptoscope.images.medians import median, otsu_threshold, robust_deviation
from adaptoscope.images.planes import check_plane

Image = npt.NDArray[np.floating]
Values = npt.NDArray[np.float64]

# Otsu's two classes lie 2.2-2.6 background deviations apart in noise of any grain, and 3.8 or more
# in every image with cells of IDCIA, DSB 2018 and BBBC039 (training splits).
_LEAST_SEPARATION = 3.0
# Pixels of a piece that is measured as a cell; smaller ones are specks of noise, by eye.
_LEAST_AREA = 20
# At this ratio a difference of Gaussians is nearest to a Laplacian (Marr and Hildreth, 1980).
_WIDE = 1.6
# Deviation of the response to white noise of deviation 1, times sigma.
_WHITE_NOISE_GAIN = np.sqrt((1 + _WIDE**-2 - 4 / (1 + _WIDE**2)) / (4 * np.pi))
# Radius sqrt(2) * scale is where a Laplacian of Gaussian answers most to a disc; a difference of
# Gaussians s and 1.6 s stands for the Laplacian of their mean scale.
_DIAMETER_PER_SIGMA = 2 * np.sqrt(2) * np.sqrt(_WIDE)


def sigma_of_diameter(diameter: float) -> float:
    """Return the inner sigma, in pixels, that answers most to discs of a diameter in pixels."""
    if not (np.isfinite(diameter) and diameter > 0):
        raise InputError(
            "The cell diameter is not known.",
            expected="a positive number of pixels",
            found=str(diameter),
            remedy="check the channel, or give an image in which cells can be seen",
        )
    return max(float(diameter / _DIAMETER_PER_SIGMA), 0.5)


def difference_of_gaussians(pixels: Image, sigma: float) -> Image:
    """Return the image blurred by `sigma` pixels minus the image blurred by 1.6 `sigma`.

    The response is positive in the middle of bright blobs.
    """
    checked = _checked(pixels)
    if not (np.isfinite(sigma) and sigma > 0):
        raise InputError("The blur is not usable.", expected="sigma above 0", found=str(sigma))
    narrow: Image = ndimage.gaussian_filter(checked, sigma)
    wide: Image = ndimage.gaussian_filter(checked, _WIDE * sigma)
    return narrow - wide


def difference_of_gaussians_peaks(pixels: Image, sigma: float, threshold: float) -> Points:
    """Find cells as local maxima of the difference of Gaussians above an absolute threshold.

    Parameters
    ----------
    sigma
        Inner standard deviation in pixels; about a quarter of the cell diameter.
    threshold
        Least response, in the unit of ``pixels``, not negative.

    Returns
    -------
    numpy.ndarray
        Shape (N, 2), (row, column), sorted by row. A plateau counts once, at its middle.
    """
    if not threshold >= 0:
        raise InputError("The threshold is not usable.", expected="0 or more", found=str(threshold))
    response = difference_of_gaussians(pixels, sigma)
    peaks = _peak_mask(response, sigma) & (response > threshold)
    return centres_of_labels(ndimage.label(peaks, structure=np.ones((3, 3)))[0])


def automatic_threshold(pixels: Image, sigma: float) -> float:
    """Choose a threshold for the difference of Gaussians without any label.

    It is 6 % of the contrast between cells and background, and at least four deviations of what
    pixel noise alone makes of the response; infinite where the image shows no cells.
    """
    cells = cell_mask(pixels)
    if not cells.any():
        return float("inf")
    contrast = np.median(pixels[cells]) - np.median(pixels[~cells])
    steps = (pixels[:, 1:] - pixels[:, :-1])[~cells[:, 1:] & ~cells[:, :-1]]
    noise = robust_deviation(steps) / np.sqrt(2) if steps.size else 0.0
    return float(max(0.06 * contrast, 4.0 * noise * _WHITE_NOISE_GAIN / sigma))


def candidate_sigmas(images: Sequence[Image]) -> Values:
    """Return sigmas worth trying, rising: 0.7 to 1.3 of what suits the measured diameter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        middle = sigma_of_diameter(float(np.nanmedian([estimate_diameter(i) for i in images])))
    return np.round(middle * np.array([0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3]), 2)


def fit_difference_of_gaussians(
    images: Iterable[Image], counts: Sequence[float], sigmas: Iterable[float] | None = None
) -> tuple[float, float]:
    """Choose the sigma and the absolute threshold that count images, in one unit, best.

    `counts` are the true numbers of cells. Without `sigmas` those of `candidate_sigmas` are tried.
    Both are those of least mean absolute error.
    """
    stack, truth = [_checked(image) for image in images], np.asarray(counts, dtype=np.float64)
    if not stack or truth.shape != (len(stack),):
        raise InputError(
            "The detector cannot be fitted.",
            expected="at least one image and one count per image",
            found=f"{len(stack)} images and counts of shape {truth.shape}",
        )
    fits = []
    for sigma in candidate_sigmas(stack) if sigmas is None else sigmas:
        heights = [_peak_heights(image, sigma) for image in stack]
        error, threshold = _best_threshold(heights, truth)
        fits.append((error, float(sigma), threshold))
    _, best_sigma, best_threshold = min(fits)
    return best_sigma, best_threshold


def otsu_watershed_labels(pixels: Image, diameter: float) -> npt.NDArray[np.uint16]:
    """Segment cells by Otsu's threshold and split touching ones by a distance watershed.

    Pieces below a tenth of the area of a cell of this diameter, in pixels, are dropped. Returns
    labels, shape (H, W), uint16; all 0 where the image shows no cells.
    """
    # A second to import, and of no use to other counters.
    from skimage.feature import peak_local_max

    sigma_of_diameter(diameter)
    cells = cell_mask(pixels)
    labels = np.zeros(cells.shape, dtype=np.uint16)
    if not cells.any():
        return labels
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(cells), diameter / 15)
    components = ndimage.label(cells)[0]
    seeds = peak_local_max(
        distance, min_distance=max(1, round(diameter / 4)), labels=components, exclude_border=False
    )
    pieces = watershed_from(seeds, distance, cells)
    areas = np.bincount(pieces.ravel())
    kept = np.flatnonzero(areas >= 0.1 * np.pi / 4 * diameter**2)
    kept = kept[kept > 0]
    renumbered = np.zeros(len(areas), dtype=np.uint16)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    numbered: npt.NDArray[np.uint16] = renumbered[pieces]
    return numbered


def watershed_from(
    seeds: npt.NDArray[np.intp], distance: Image, cells: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Split touching cells where the distance to their border is least, one piece for each seed.

    Seeds are pixels, shape (N, 2); labels are 1 to N, and 0 outside of `cells`.
    """
    from skimage.segmentation import watershed

    markers = np.zeros(cells.shape, dtype=np.int32)
    markers[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    pieces: npt.NDArray[np.int32] = watershed(-distance, markers, mask=cells)
    return pieces


def estimate_diameter(pixels: Image) -> float:
    """Measure the usual cell diameter in pixels without any label; NaN where there are no cells.

    The median of the diameters of discs as large as the pieces above Otsu's threshold. On the
    training splits of DSB 2018 and BBBC039 the ratio to the masks' median is 0.77-1.13 (nine in
    ten images).
    """
    areas = np.bincount(ndimage.label(cell_mask(pixels))[0].ravel())[1:]
    areas = areas[areas > _LEAST_AREA]
    return float(np.sqrt(4 * np.median(areas) / np.pi)) if len(areas) else float("nan")


def measured_diameter(pixels: Image) -> float | None:
    """Do as `estimate_diameter`; None where the image shows no cells."""
    diameter = estimate_diameter(pixels)
    return None if np.isnan(diameter) else diameter


def cell_mask(pixels: Image) -> npt.NDArray[np.bool_]:
    """Return the pixels above Otsu's threshold, or none where that only splits noise in two."""
    return cells_above_ground([ndimage.gaussian_filter(_checked(pixels), 1.0)])[0]


def cells_above_ground(parts: Sequence[Image]) -> list[npt.NDArray[np.bool_]]:
    """Do as `cell_mask` for an image, or parts of one, that is blurred already."""
    values = parts[0] if len(parts) == 1 else np.concatenate([part.ravel() for part in parts])
    if values.min() == values.max():
        return [np.zeros(part.shape, dtype=bool) for part in parts]
    threshold = otsu_threshold(values)
    bright = [part > threshold for part in parts]
    above = np.concatenate([part[mask] for part, mask in zip(parts, bright, strict=True)])
    below = np.concatenate([part[~mask] for part, mask in zip(parts, bright, strict=True)])
    separation = median(above) - median(below) if above.size else 0.0
    return [
        mask & bool(separation > _LEAST_SEPARATION * robust_deviation(below)) for mask in bright
    ]


def _checked(pixels: Image) -> Image:
    check_plane(pixels, "searched for cells")
    return pixels if np.issubdtype(pixels.dtype, np.floating) else pixels.astype(np.float64)


def _peak_mask(response: Image, sigma: float) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = response == ndimage.maximum_filter(
        response, size=2 * max(1, int(sigma)) + 1
    )
    return mask


def _peak_heights(pixels: Image, sigma: float) -> Values:
    response = difference_of_gaussians(pixels, sigma)
    return np.sort(response[_peak_mask(response, sigma) & (response > 0)]).astype(np.float64)


def _best_threshold(heights: Sequence[Values], truth: Values) -> tuple[float, float]:
    highest = max((float(image[-1]) for image in heights if len(image)), default=0.0)
    if highest <= 0:
        raise InputError(
            "No image shows a blob to fit the detector to.", remedy="check channel and images"
        )
    grid = np.geomspace(1e-4 * highest, highest, 400)
    found = np.stack([len(h) - np.searchsorted(h, grid, side="right") for h in heights])
    errors = np.abs(found - truth[:, None]).mean(axis=0)
    # Many thresholds may count equally well; the middle one is the safest.
    equally_good = grid[np.isclose(errors, errors.min())]
    return float(errors.min()), float(equally_good[len(equally_good) // 2])
