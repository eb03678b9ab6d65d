"""Algorithm 1 of paper 1 read literally: one full-frame mask for every attempt.

Slow and simple on purpose. It is the reference that the package's generator must equal, seed for
seed, and against which its speed is given.
"""

import numpy as np
from numpy.typing import NDArray

from adaptoscope.synthesis.generate import draw_count
from adaptoscope.synthesis.settings import SynthesisSettings


def algorithm_1_plain(
    settings: SynthesisSettings, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Draw one image.

    Parameters
    ----------
    settings
        The generator's settings.
    rng
        Source of randomness, used as in `adaptoscope.synthesis.generate.draw_synthetic`.

    Returns
    -------
    dict
        `image` (H, W), `dots` G (H, W), `clusters` (C, 2), `points` (N, 2), `mask` (H, W).
    """
    height, width = settings.height, settings.width
    clusters = int(rng.integers(settings.clusters[0], settings.clusters[1] + 1))
    cells = draw_count(settings, rng)
    mean = np.float32(rng.uniform(*settings.background_mean_range))
    image = rng.standard_normal((height, width), dtype=np.float32)
    image = image * np.float32(settings.background_sd) + mean
    centres = rng.uniform(-0.5, (height - 0.5, width - 0.5), (clusters, 2))
    delta = rng.uniform(*settings.cluster_spread) * min(height, width)
    shapes, positions = rng.spawn(2)
    occupied = np.zeros((height, width), dtype=bool)
    mask = np.zeros((height, width), dtype=np.uint16)
    dots = np.zeros((height, width), dtype=np.uint8)
    points = []
    all_rows, all_columns = np.ogrid[:height, :width]
    for number, (centre_row, centre_column) in enumerate(centres):
        assigned = cells // clusters + (1 if number < cells % clusters else 0)
        placed = attempts = 0
        while placed < assigned and attempts < settings.attempts_per_cell * assigned:
            attempts += 1
            a = settings.cell_diameter_px * draw_semi_axis(settings, shapes)
            b = settings.cell_diameter_px * draw_semi_axis(settings, shapes)
            angle = np.pi * shapes.random()
            low, high = settings.intensity_range
            intensity = np.float32(low + (high - low) * shapes.random())
            row = centre_row + delta * positions.standard_normal()
            column = centre_column + delta * positions.standard_normal()
            if settings.outside == "clip":
                row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
            if not (-0.5 <= row < height - 0.5 and -0.5 <= column < width - 0.5):
                continue
            down, right = all_rows - row, all_columns - column
            cos, sin = np.cos(angle), np.sin(angle)
            ellipse = (
                2 * sin * cos * (1 / (a * a) - 1 / (b * b)) * down * right
                + (sin * sin * (1 / (a * a)) + cos * cos * (1 / (b * b))) * (down * down)
                + (cos * cos * (1 / (a * a)) + sin * sin * (1 / (b * b))) * (right * right)
            ) <= 1
            area = ellipse.sum()
            if area > 0 and (ellipse & occupied).sum() / area < settings.largest_overlap:
                image = np.where(ellipse, np.maximum(image, intensity), image)
                points.append((row, column))
                mask[ellipse & ~occupied] = len(points)
                occupied |= ellipse
                dots[int(np.floor(row + 0.5)), int(np.floor(column + 0.5))] = 255
                placed += 1
    alpha = np.float32(rng.uniform(*settings.contrast_range))
    beta = np.float32(rng.uniform(*settings.brightness_range))
    image = np.clip(np.rint(alpha * image + beta), 0, settings.largest_count)
    return {
        "image": image.astype(np.uint8 if settings.bit_depth == 8 else np.uint16),
        "dots": dots,
        "clusters": centres,
        "points": np.array(points, dtype=np.float64).reshape(-1, 2),
        "mask": mask,
    }


def draw_semi_axis(settings: SynthesisSettings, rng: np.random.Generator) -> float:
    """Draw a semi-axis relative to the cell size."""
    quantiles = settings.semi_axis_quantiles
    if not quantiles:
        low, high = settings.semi_axis_range
        return low + (high - low) * rng.random()
    whole, part = divmod(rng.random() * (len(quantiles) - 1), 1)
    below, above = quantiles[int(whole)], quantiles[int(whole) + 1]
    return below + (above - below) * part
