"""Algorithm 1 of paper 1 (InST-Microscopy), step by step."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.synthesis.cluster_placement import (
    AttemptStream,
    Placement,
    assign_evenly,
)
from adaptoscope.synthesis.settings import SynthesisSettings


@dataclass(frozen=True)
class SyntheticImage:
    """One Syn-HC image and its truth.

    Attributes
    ----------
    stored
        Stored counts, shape (H, W), uint8 or uint16.
    points
        Centres (row, column) of the cells in pixels, in order of placement, shape (N, 2).
    mask
        Label image, shape (H, W); value i + 1 belongs to ``points[i]``.
    cluster_centres
        (row, column) in pixels, shape (C, 2).
    requested
        Number of cells asked for; at least the number placed.
    """

    stored: NDArray[np.uint8] | NDArray[np.uint16]
    points: NDArray[np.float64]
    mask: NDArray[np.uint16]
    cluster_centres: NDArray[np.float64]
    requested: int

    @property
    def count(self) -> int:
        """Number of cells in the image: those placed, which is the label."""
        return len(self.points)

    @property
    def pixels(self) -> NDArray[np.float32]:
        """Image in [0, 1] of the full range of its type, shape (H, W)."""
        full_range = np.float32(np.iinfo(self.stored.dtype).max)
        return self.stored.astype(np.float32) / full_range

    def dots(self) -> NDArray[np.uint8]:
        """Return the paper's mask G: 255 at the pixel of each centre, shape (H, W)."""
        mask = np.zeros(self.stored.shape, dtype=np.uint8)
        rows, columns = np.floor(self.points + 0.5).astype(np.int64).T
        mask[rows, columns] = 255
        return mask


def draw_synthetic(settings: SynthesisSettings, rng: np.random.Generator) -> SyntheticImage:
    """Draw one image by Algorithm 1 of paper 1, lines 3 to 26; the comments give the lines.

    The same, seed for seed, as the algorithm read literally with full-frame masks
    (`benchmarks/algorithm_1_plain.py`). Two children of `rng` are spawned for the attempts.
    """
    # number_of_clusters = C, requested = n, spread = delta, contrast = alpha, brightness = beta
    shape = (settings.height, settings.width)
    number_of_clusters = int(rng.integers(settings.clusters[0], settings.clusters[1] + 1))  # line 3
    requested = draw_count(settings, rng)  # line 4
    background = _draw_background(settings, rng)  # line 5
    centres = rng.uniform(-0.5, np.array(shape) - 0.5, (number_of_clusters, 2))  # line 6
    assigned = assign_evenly(requested, number_of_clusters)  # line 7
    spread = rng.uniform(*settings.cluster_spread) * min(shape)
    placement = Placement(settings, AttemptStream(rng), spread)  # line 8
    for (row, column), cells in zip(centres.tolist(), assigned, strict=True):  # lines 9 to 23
        placement.fill_cluster((row, column), cells)
    image = placement.composite(background)  # line 18
    contrast = np.float32(rng.uniform(*settings.contrast_range))  # line 24
    brightness = np.float32(rng.uniform(*settings.brightness_range))
    stored = np.clip(np.rint(contrast * image + brightness), 0, settings.largest_count)  # line 25
    return SyntheticImage(
        stored=stored.astype(np.uint8 if settings.bit_depth == 8 else np.uint16),
        points=placement.centres,
        mask=placement.mask(),
        cluster_centres=centres,
        requested=requested,
    )


def draw_count(settings: SynthesisSettings, rng: np.random.Generator) -> int:
    """Draw the number of cells to ask for, at most `count_limit` (Algorithm 1, line 4).

    Measured densities come before the normal distribution, and may give 0.
    """
    if settings.cells_per_mpx_quantiles:
        quantiles = settings.cells_per_mpx_quantiles
        place = rng.uniform(0, len(quantiles) - 1)
        density = np.interp(place, np.arange(len(quantiles)), quantiles)
        area = settings.height * settings.width * 1e-6
        return min(round(float(density) * area), settings.count_limit)
    if settings.count_rule == "clamp":
        drawn = round(rng.normal(settings.count_mean, settings.count_sd))
        return min(max(drawn, 1), settings.count_limit)
    return _resampled_count(settings, rng)


def _resampled_count(settings: SynthesisSettings, rng: np.random.Generator) -> int:
    for _ in range(1000):
        drawn = round(rng.normal(settings.count_mean, settings.count_sd))
        if 1 <= drawn <= settings.count_limit:
            return drawn
    return min(max(round(settings.count_mean), 1), settings.count_limit)


def _draw_background(settings: SynthesisSettings, rng: np.random.Generator) -> NDArray[np.float32]:
    mean = np.float32(rng.uniform(*settings.background_mean_range))
    noise = rng.standard_normal((settings.height, settings.width), dtype=np.float32)
    noise *= np.float32(settings.background_sd)
    noise += mean
    return noise
