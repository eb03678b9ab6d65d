"""What a measure of an image asks of it."""

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError


def check_plane(pixels: NDArray[np.generic], done: str, *, least: int = 1) -> None:
    """Refuse what is not one channel, finite, of at least so many pixels a side.

    `done` says what cannot be done, as ``measured``.
    """
    is_plane = pixels.ndim == 2 and min(pixels.shape) >= least
    if not is_plane or not np.isfinite(pixels).all():
        raise InputError(
            f"The image cannot be {done}.",
            expected="one channel of shape (H, W), finite"
            + (f", of at least {least} x {least} pixels" if least > 1 else ""),
            found=f"shape {pixels.shape}" + (", with NaN or infinite pixels" if is_plane else ""),
            remedy="choose one channel, or leave this image out",
        )
