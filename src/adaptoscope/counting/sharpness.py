"""How sharp cells are: what a Laplacian of Gaussian of their size answers to them.

A cell out of focus answers less than one in focus, and so does a faint one.
"""

import numpy as np
import numpy.typing as npt

from adaptoscope.images.cell_centres import Points

# Of the filter that answers most to a disc. On the training and validation images of seven sets a
# smaller one (0.4) takes grains inside cells for sharpness, a larger one (1.0) their neighbours.
_SHARE_OF_DIAMETER = 0.8
_DEVIATIONS = 4.0
# Points at once: 2,000 patches of 33 pixels are 9 MB.
_AT_ONCE = 2000


def responses(
    pixels: npt.NDArray[np.float32], points: Points, diameter: float
) -> npt.NDArray[np.float64]:
    """Return the highest answer within a sixth of a diameter of each point, shape (N,).

    Parameters
    ----------
    pixels
        Shape (H, W), normalised.
    points
        Shape (N, 2), (row, column) in pixels.
    diameter
        Of a cell, in pixels.
    """
    sigma = max(_SHARE_OF_DIAMETER * diameter / (2 * np.sqrt(2)), 0.5)
    around, half = max(1, round(diameter / 6)), int(np.ceil(_DEVIATIONS * sigma))
    reach = half + around
    padded = np.pad(pixels, reach, mode="symmetric")
    last = np.array(pixels.shape) - 1
    corners = np.rint(points).astype(np.intp).clip(0, last)
    patches = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1))
    smooth, curved = (_banded(kernel, 2 * around + 1) for kernel in _kernels(sigma, half))
    found = [np.zeros(0)]
    for first in range(0, len(corners), _AT_ONCE):
        rows, columns = corners[first : first + _AT_ONCE].T
        seen = patches[rows, columns]
        answer = -(smooth.T @ (seen @ curved) + curved.T @ (seen @ smooth))
        found.append(sigma**2 * answer.max(axis=(1, 2)).astype(np.float64))
    return np.concatenate(found)


def _kernels(sigma: float, half: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return a Gaussian and its second derivative, which adds to 0, at whole pixels."""
    places = np.arange(-half, half + 1) / sigma
    gaussian = np.exp(-0.5 * places**2)
    gaussian /= gaussian.sum()
    second = gaussian * (places**2 - 1) / sigma**2
    return gaussian, second - gaussian * second.sum()


def _banded(kernel: npt.NDArray[np.float64], outputs: int) -> npt.NDArray[np.float32]:
    """Return the matrix that correlates a line with a kernel, shape (line, outputs)."""
    length = len(kernel)
    matrix = np.zeros((length + outputs - 1, outputs), np.float32)
    for output in range(outputs):
        matrix[output : output + length, output] = kernel
    return matrix
