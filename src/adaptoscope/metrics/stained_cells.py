"""Whether the cells that are predicted bright are the bright ones: a stain cell by cell."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.metrics.correlation import pearson
from adaptoscope.metrics.intervals import FloatArray

Measure = Literal["total", "mean"]

FEWEST_CELLS = 3
"""Through two cells a straight line always goes: their correlation is -1 or 1 whatever they are."""


def cell_intensities(
    pixels: npt.ArrayLike,
    labels: npt.NDArray[np.integer],
    *,
    measure: Measure = "total",
    background: float = 0.0,
) -> FloatArray:
    """Measure the stain in every cell of a label image.

    Parameters
    ----------
    pixels
        Shape (H, W), any linear unit.
    labels
        Shape (H, W), integers; 0 is background and every other value one cell.
    measure
        ``total``, the sum over a cell's pixels, as for DNA; or ``mean``, for surface stains.
    background
        Intensity where there is no stain, subtracted from each pixel; else the total of a cell
        also says how large it is.

    Returns
    -------
    numpy.ndarray
        Shape (N,), float64, in the order of the label values.

    Raises
    ------
    InputError
        The labels are not integers of the shape of the image.
    """
    image = np.asarray(pixels, dtype=np.float64)
    if image.ndim != 2 or labels.shape != image.shape or labels.dtype.kind not in "iu":
        raise InputError(
            "A label image does not fit the image whose cells it marks.",
            expected=f"integers of shape {image.shape}",
            found=f"{labels.dtype} of shape {labels.shape}",
        )
    present = np.unique(labels)
    present = present[present != 0]
    of_cells = ndimage.sum_labels if measure == "total" else ndimage.mean
    return np.asarray(of_cells(image - background, labels, present), dtype=np.float64).reshape(-1)


def cell_pearson(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
    labels: npt.NDArray[np.integer],
    *,
    measure: Measure = "total",
    background: float = 0.0,
) -> float:
    """Return Pearson's correlation of predicted and true stain over the cells of one image.

    Parameters
    ----------
    predicted, true
        Shape (H, W), one linear unit, finite.
    labels
        Shape (H, W), integers; 0 is background and every other value one cell.
    measure, background
        As in `cell_intensities`.

    Returns
    -------
    float
        -1 to 1; NaN with fewer than three cells or where all are equally bright in truth, 0 where
        they are only in the prediction.

    Raises
    ------
    InputError
        The images are not of the shape of the labels, or a value is not finite.
    """
    guess = cell_intensities(predicted, labels, measure=measure, background=background)
    truth = cell_intensities(true, labels, measure=measure, background=background)
    return pearson(guess, truth) if len(truth) >= FEWEST_CELLS else float("nan")
