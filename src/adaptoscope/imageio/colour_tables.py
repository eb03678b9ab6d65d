"""Colour tables of TIFFs: whether the numbers that are stored are intensities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from adaptoscope.errors import InputError

# Of TIFF's photometric interpretations.
_PALETTE = 3
# A colour table counts as rising with brightness where no step falls by more of its range.
_LARGEST_FALL = 0.02


def grey_table(
    path: Path, series: tifffile.TiffPageSeries
) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """Return the grey that each stored value stands for in the colour table of a TIFF.

    None where the values themselves are intensities: without a table, or with one that colours them
    in the order of their brightness, as a display does.
    """
    page = series.keyframe
    table = page.colormap if int(page.photometric) == _PALETTE else None
    if table is None:
        return None
    if table.shape[1] <= np.iinfo(series.dtype).max:
        raise _without_intensities(path, "a colour table with too few entries")
    if (table[0] == table[1]).all() and (table[0] == table[2]).all():
        step = next((step for step in (257, 256) if (table[0] % step == 0).all()), 1)
        greys: NDArray[Any] = (table[0] // step).astype(np.uint8 if step > 1 else np.uint16)
        return greys
    brightness = np.array([0.299, 0.587, 0.114]) @ table
    span = brightness.max() - brightness.min()
    if span > 0 and (np.diff(brightness) >= -_LARGEST_FALL * span).all():
        return None
    raise _without_intensities(path, "a colour table whose entries do not rise in brightness")


def _without_intensities(path: Path, found: str) -> InputError:
    return InputError(
        f"The image {path} is of a kind of TIFF that holds no intensities.",
        expected="8 or 16 bits per channel, without a colour table",
        found=found,
        remedy="export it again from the microscope's software as 8- or 16-bit greyscale",
    )
