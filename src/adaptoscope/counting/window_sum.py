"""Count a whole image as the sum over windows that do not overlap."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from adaptoscope.images.windows import Window, cut_window, tile_windows

Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]

# Fixed, so that sums do not depend on the number of windows.
MICRO_BATCH = 4


def count_by_windows(pixels: npt.NDArray[np.float32], size: int, predict: Predict) -> float:
    """Sum a crop counter over all windows of an image.

    Where ``size`` does not divide the image, the last windows are moved back until they lie
    inside it and count only for the share of their area that is new. So no pixel is invented, and
    an even density is counted without bias. An image smaller than a window is continued by
    reflection and counts for its own share.

    Parameters
    ----------
    pixels
        Shape (H, W), normalised.
    size
        Side of the windows in pixels.
    predict
        Maps crops (4, 1, size, size) to counts (4,); always called with four, the last call
        filled up with zeros, so that results do not depend on the number of windows.

    Returns
    -------
    float
        In cells, at least 0: clipped once, at the end.
    """
    height, width = pixels.shape
    windows = tile_windows(height, width, size)
    shares = np.array([window.height * window.width / size**2 for window in windows])
    counts = []
    for first in range(0, len(windows), MICRO_BATCH):
        crops = np.zeros((MICRO_BATCH, 1, size, size), dtype=np.float32)
        for place, window in enumerate(windows[first : first + MICRO_BATCH]):
            crops[place, 0] = _whole_window(pixels, window, size)
        counts.append(predict(crops))
    return max(float((np.concatenate(counts)[: len(windows)] * shares).sum()), 0.0)


def _whole_window(
    pixels: npt.NDArray[np.float32], window: Window, size: int
) -> npt.NDArray[np.float32]:
    height, width = pixels.shape
    top = max(min(window.top, height - size), 0)
    left = max(min(window.left, width - size), 0)
    return cut_window(pixels, Window(top, left, window.height, window.width), size)
