"""Medians and percentiles as NumPy gives them, several times as fast on images."""

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]


def median(values: Values) -> np.floating:
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
    if values.size % 2:
        return parted[middle]
    return np.mean([parted[:middle].max(), parted[middle]], dtype=values.dtype)
