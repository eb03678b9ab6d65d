"""Intervals of single counts, from the residuals of images that nothing was trained on."""

import numpy as np
import numpy.typing as npt

from adaptoscope.training.settings import Settings

LEAST_IMAGES = 5
"""Fewest validation images that intervals are made from."""


class Calibration(Settings):
    """Residuals of a counter on validation images."""

    residuals: tuple[float, ...]
    """True minus predicted count, divided by the root of the predicted count (at least 1)."""

    def half_width(self, level: float = 0.95) -> float:
        """Return the split-conformal half-width, in roots of the count.

        With fewer than 39 residuals no 95 % bound exists; the largest residual is then returned,
        which covers n / (n + 1) of new images.
        """
        sizes = np.sort(np.abs(np.asarray(self.residuals)))
        rank = int(np.ceil((len(sizes) + 1) * level))
        return float(sizes[min(rank, len(sizes)) - 1])

    def interval(self, count: float, level: float = 0.95) -> tuple[float, float]:
        """Return the lower and upper bound of one count, in cells, not below 0."""
        reach = self.half_width(level) * max(count, 1.0) ** 0.5
        return max(count - reach, 0.0), count + reach


def calibrate(predicted: npt.ArrayLike, true: npt.ArrayLike) -> Calibration | None:
    """Return the calibration of validation counts; None for fewer than `LEAST_IMAGES` of them."""
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if len(guess) < LEAST_IMAGES:
        return None
    residuals = (truth - guess) / np.sqrt(np.maximum(guess, 1.0))
    return Calibration(residuals=tuple(round(float(value), 6) for value in residuals))
