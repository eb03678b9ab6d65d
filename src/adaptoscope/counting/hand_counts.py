"""Let two hand-counted images say what counts: how a density is read, not one weight of a network.

Blurred cells and cells at the border are questions of convention. Of all conventions the one is
taken that agrees with the hand counts and changes least.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath

import numpy as np

from adaptoscope.counting.conventions import AS_IT_DOES, Conventions, density_counter_of
from adaptoscope.counting.images_to_count import FileToCount
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.counting.post_processing import THRESHOLDS, DensityReading, DensitySurvey
from adaptoscope.counting.predict import look_at
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import read_table

# One image cannot tell a convention from a mistake.
_FEWEST = 2
_SHARPNESS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3)
# What a change costs, in relative errors: two images often agree with many readings. Of 0, 0.1,
# 0.3 and 1 (threshold) and 0, 0.01 and 0.02 (others) these did best in 200 draws of two images from
# the training and validation images of each of seven sets.
_PER_THRESHOLD = 1.0
_PER_CONVENTION = 0.01


@dataclass(frozen=True)
class Calibrated:
    """What hand counts said.

    Parameters
    ----------
    reading
        How densities are read from now on.
    images
        Number of images counted by hand.
    error_before, error_after
        Mean absolute errors on these images, in cells.
    """

    reading: DensityReading
    images: int
    error_before: float
    error_after: float

    def in_words(self) -> str:
        """Return one sentence."""
        told = self.reading
        border = "cells whose centre lies inside" if told.edges == "centres" else "all visible"
        blurred = f"sharpness from {told.least_sharpness:g}" if told.least_sharpness else "count"
        return (
            f"From {self.images} hand counts: least height {told.threshold:g}; at the border "
            f"{border}; blurred cells: {blurred}. Off by {self.error_before:.1f} cells an image "
            f"before, by {self.error_after:.1f} now, on these {self.images}; others may be off by "
            "more."
        )


def calibrated_by(
    model: CountingModel,
    table: Path,
    files: Sequence[FileToCount],
    settings: PredictSettings,
    told: Conventions,
) -> Calibrated:
    """Fit the reading of a density to hand counts.

    Parameters
    ----------
    table
        A ``check.csv`` in which two rows or more have a hand count; of the columns ``image`` and
        ``hand_count`` are needed.
    files
        Where its images are.
    settings
        How images are read.
    told
        What is told and therefore not fitted.
    """
    counter = density_counter_of(model, "--calibrated-by")
    counts = _hand_counts(table)
    places = {PurePosixPath(file.name).name: file for file in files}
    lost = sorted(set(counts) - set(places))
    if lost:
        raise InputError(
            f"The table {table} names an image that is not counted: {lost[0]}.",
            expected="images among those that are to be counted",
            found=f"{len(lost)} of {len(counts)} hand counts without their image",
            remedy="give the folder that was checked",
        )
    surveys = [look_at(model, places[name], settings).survey for name in counts]
    seen = [survey for survey in surveys if survey is not None]
    return fit_reading(seen, list(counts.values()), counter.reading, told)


def fit_reading(
    surveys: Sequence[DensitySurvey],
    counts: Sequence[float],
    default: DensityReading,
    told: Conventions = AS_IT_DOES,
) -> Calibrated:
    """Choose the reading that agrees with the counts and is nearest to the default.

    Parameters
    ----------
    surveys
        What the network sees in each image.
    counts
        Cells counted by hand in each.
    default
        The counter's own reading.
    """
    true = np.array(counts, dtype=np.float64)
    base = default.changed(**told.changes())
    sharpness = _SHARPNESS if told.blurred is None else (base.least_sharpness,)
    borders = ("visible", "centres") if told.edges is None else (base.edges,)

    def error(reading: DensityReading) -> float:
        found = np.array([survey.read(reading)[0] for survey in surveys])
        return float(np.abs(found - true).mean())

    def cost(reading: DensityReading) -> float:
        other = (reading.edges != base.edges) + (reading.least_sharpness != base.least_sharpness)
        change = _PER_THRESHOLD * abs(reading.threshold - base.threshold) + _PER_CONVENTION * other
        return error(reading) / max(float(true.mean()), 1.0) + change

    thresholds = sorted({base.threshold, *THRESHOLDS})
    candidates = [
        base.changed(threshold=threshold, edges=edges, least_sharpness=least)
        for edges, least, threshold in product(borders, sharpness, thresholds)
    ]
    best = min([base, *candidates], key=cost)
    return Calibrated(best, len(true), error(base), error(best))


def _hand_counts(path: Path) -> dict[str, float]:
    table = read_table(path)
    table.require("image", "hand_count")
    numbers = zip(table.column("image"), table.numbers("hand_count"), strict=True)
    counts = {
        PurePosixPath(name).name: float(number) for name, number in numbers if not np.isnan(number)
    }
    if len(counts) < _FEWEST or min(counts.values()) < 0:
        raise InputError(
            f"The table {path} cannot calibrate a counter.",
            expected=f"hand counts of {_FEWEST} images or more in the column hand_count, none "
            "below 0",
            found=f"{len(counts)} hand counts",
            remedy="count some images by hand and fill in their rows",
        )
    return counts
