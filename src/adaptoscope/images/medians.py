"""Medians and percentiles as NumPy gives them, several times as fast on images."""

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]


def median(values: Values) -> np.floating[Any]:
    """Return the median of finite values.

    Parameters
    ----------
    values
        Any shape, at least one value. A value that is not a number is not looked for, which is
        what `numpy.median` spends most of its time on.

    Returns
    -------
    numpy.floating
        The same number as `numpy.median`.
    """
    middle = values.size // 2
    # One place at a time: only then does NumPy use the vector instructions of the processor.
    parted = np.partition(values, middle, axis=None)
    middles = parted[middle : middle + 1]
    if not values.size % 2:
        middles = np.append(middles, parted[:middle].max())
    found: np.floating[Any] = middles.mean()
    return found
