"""How a density is read as a number of cells, and how that is chosen on counted images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points
from adaptoscope.training.settings import Settings

# A disc whose centre lies on the border shows a half, whose own middle is 4 / (3 pi) of a radius
# inside; so a visible part with its middle nearer than that has its cell's centre outside.
_HALF_DISC = 2 / (3 * np.pi)
FAINTEST = 0.15
"""Height from which a peak may be a cell, as a share of that of one cell alone."""

SKIPPED_BELOW = 0.25
"""Sharpness from which a cell counts where blurred ones are skipped. On training and validation
images it takes the error of IDCIA from 11.7 to 9.5 and that of ccri-neuroblastoma from 6.2 to 3.3,
whose blurred cells were left out, and that of bbbc039 from 4.6 to 6.9, whose faint ones count."""

# Lower peaks are ripples of the density, by eye; the sum is only a measure of change.
_NOISE = 0.3
# Peaks that the usual sharpness of an image is measured on: those that count by default.
_USUAL = 0.45
THRESHOLDS = tuple(round(value, 3) for value in np.arange(FAINTEST, 0.801, 0.025).tolist())
"""Least heights that are tried where one is fitted, from the faintest to clearly a cell."""


Edges = Literal["visible", "centres"]
Blurred = Literal["count", "skip"]


class DensityReading(Settings):
    """Which peaks of a density are cells."""

    threshold: float = Field(default=0.45, ge=0, le=1)
    """Least height of a peak, as a share of that of one cell alone."""

    edges: Edges = "visible"
    """Which cells cut by the border count: all that are `visible`, or those whose `centres` lie
    inside, which gives an unbiased number per area. People who click on cells do either."""

    least_sharpness: float = Field(default=0.0, ge=0)
    """Least sharpness of a cell, as a share of the usual one of its image; 0 counts them all."""

    count: Literal["peaks", "density"] = "peaks"
    """Whether the count is the number of peaks, or the sum of the density."""


@dataclass(frozen=True, eq=False)
class DensitySurvey:
    """What the density of one image shows, before it is decided what is a cell.

    Parameters
    ----------
    points
        Every peak above the faintest that can be a cell, shape (N, 2), (row, column) in pixels.
    heights
        Height of each peak as a share of that of one cell alone, shape (N,).
    shape
        Height and width of the image in pixels.
    diameter_px
        Cell diameter in pixels.
    responses
        What a Laplacian of Gaussian answers to each peak, shape (N,); None where nobody asked.
    """

    points: Points
    heights: npt.NDArray[np.float64]
    total: float
    shape: tuple[int, int]
    diameter_px: float
    responses: npt.NDArray[np.float64] | None = None

    def read(self, reading: DensityReading) -> tuple[float, Points]:
        """Return the number of cells and their centres."""
        kept = self.kept(reading)
        points = self.points[kept]
        if reading.count == "peaks":
            return float(len(points)), points
        left_out = (self.heights > reading.threshold) & ~kept
        return max(self.total - float(left_out.sum()), 0.0), points

    def kept(self, reading: DensityReading) -> npt.NDArray[np.bool_]:
        """Tell which peaks are cells, shape (N,)."""
        kept = self.heights > reading.threshold
        if reading.edges == "centres":
            kept &= ~self._cut_off()
        if reading.least_sharpness > 0:
            kept &= self.sharpness() >= reading.least_sharpness
        return kept

    def sharpness(self) -> npt.NDArray[np.float64]:
        """Return how sharp each peak is beside the usual cell of its image, shape (N,)."""
        if self.responses is None:
            return np.ones(len(self.heights))
        cells = self.responses[self.heights > _USUAL]
        usual = float(np.median(cells)) if len(cells) else 0.0
        return self.responses / usual if usual > 0 else np.ones(len(self.heights))

    def certain_cells(self) -> float:
        """Add up the heights of the peaks, each at most 1, that are more than noise."""
        return float(np.minimum(self.heights[self.heights > _NOISE], 1.0).sum())

    def _cut_off(self) -> npt.NDArray[np.bool_]:
        """Tell which peaks are visible parts of cells whose centres lie outside."""
        last = np.array(self.shape) - 0.5
        depth = np.minimum(self.points + 0.5, last - self.points).min(axis=1, initial=np.inf)
        return np.asarray(depth < _HALF_DISC * self.diameter_px)


def choose_reading(
    surveys: Sequence[DensitySurvey], counts: Iterable[float], default: DensityReading
) -> DensityReading:
    """Choose the reading with the least mean absolute error on counted images.

    Parameters
    ----------
    surveys
        What the network sees in each image.
    counts
        The true numbers of cells.
    default
        Taken unless another one is better by more than one in a hundred.

    Returns
    -------
    DensityReading
        Of equally good ones, that with the threshold nearest to the default's.
    """
    true = np.array(list(counts), dtype=np.float64)
    if not len(surveys):
        raise InputError(
            "How to read the density cannot be chosen.",
            expected="at least one counted image",
            found="none",
        )

    def error(reading: DensityReading) -> float:
        guesses = np.array([survey.read(reading)[0] for survey in surveys])
        return float(np.abs(guesses - true).mean())

    candidates = [
        default.changed(threshold=threshold, edges=edges)
        for edges in ("visible", "centres")
        for threshold in THRESHOLDS
    ]
    scored = sorted(
        ((error(one), abs(one.threshold - default.threshold), index), one)
        for index, one in enumerate(candidates)
    )
    best_error, best = scored[0][0][0], scored[0][1]
    return default if error(default) <= 1.01 * best_error else best
