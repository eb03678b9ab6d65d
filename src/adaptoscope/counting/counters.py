"""What every counter offers, and the one that is a trained network."""

import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.post_processing import DensitySurvey
from adaptoscope.counting.window_sum import count_by_windows
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.normalisation import measure_range
from adaptoscope.inference.network import Network


@dataclass(frozen=True, eq=False)
class ImageCount:
    """What a counter says of one image.

    Parameters
    ----------
    count
        Number of cells, not rounded, at least 0.
    points
        Shape (N, 2), (row, column) in pixels; None where the counter gives no positions.
    diameter_px
        Cell diameter in pixels that was measured or assumed; None where none was needed.
    shown
        The pixels that were counted where something was taken out of the image, shape (H, W).
    said
        What was seen in the image besides cells, in words.
    sharpness
        Of each cell beside the usual one of the image, shape (N,); None where it is not measured.
    survey
        All that may be cells, where the counter is a density.
    """

    count: float
    points: Points | None = None
    diameter_px: float | None = None
    shown: npt.NDArray[np.float32] | None = None
    said: tuple[str, ...] = ()
    sharpness: npt.NDArray[np.float64] | None = None
    survey: DensitySurvey | None = None


class Counter(Protocol):
    """Anything that counts the cells of one image."""

    @property
    def own_diameter_px(self) -> float | None:
        """Cell diameter in pixels that it works at; None where it measures, or needs none."""
        ...

    def count(
        self, pixels: npt.NDArray[np.float32], *, diameter_px: float | None = None
    ) -> ImageCount:
        """Count the cells of an image.

        Parameters
        ----------
        pixels
            Shape (H, W), in [0, 1] of the stored range.
        diameter_px
            Cell diameter in pixels of this image, in place of its own or a measured one. Counters
            that do not know the size of cells leave it unused.
        """
        ...


class NetworkCounter:
    """A trained regressor that is summed over windows.

    Parameters
    ----------
    network
        Maps crops (B, 1, H, W) to counts (B,), each that of a crop as dense as what it is shown.
    crop
        Side in pixels of the crops that the network was trained on, and of the windows.
    intensity
        Fixed range of intensities; None measures each image's own.
    diameter_px
        Cell diameter that the network was trained on, for the table.
    window
        Another side of the windows in pixels. The network says how many cells a crop holds that
        is as dense as the window; the window counts for the share of a crop that it covers.
    """

    def __init__(
        self,
        network: Network,
        *,
        crop: int,
        intensity: IntensityRange | None,
        diameter_px: float | None = None,
        window: int | None = None,
    ) -> None:
        self.network = network
        self.crop = crop
        self.window = window or crop
        self.intensity = intensity
        self.diameter_px = diameter_px

    @property
    def own_diameter_px(self) -> float | None:
        """Cell diameter in pixels that the network was trained on, where it is known."""
        return self.diameter_px

    def count(
        self, pixels: npt.NDArray[np.float32], *, diameter_px: float | None = None
    ) -> ImageCount:
        """Normalise an image, count its windows and sum them; the diameter changes nothing."""
        intensity = self.intensity or measure_range(pixels)
        total = count_by_windows(intensity.apply(pixels), self.window, self._predict)
        share = (self.window / self.crop) ** 2
        return ImageCount(total * share, diameter_px=self.diameter_px)

    def with_window(self, window: int) -> "NetworkCounter":
        """Return the same counter with windows of another side in pixels."""
        other = copy.copy(self)
        other.window = window
        return other

    def _predict(self, crops: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return self.network(crops).astype(np.float64)
