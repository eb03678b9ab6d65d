"""Whether the cells stayed where they were drawn, by a judge that chooses no image.

Screening and `best_of` look with a difference of Gaussians. Figures about structure come from
another detector, the label-free segmentation of `images.measurement`, so that no image is praised
by the eye that chose it. The judge is not a stranger to the images, though: the same segmentation
measures sizes and densities for drawings that follow real images (``--like``), and finds the cells
on which glow, intensity range and statistics of a style are measured. What it takes for a cell is
thus made to look as it expects. It sees neither the screening nor its thresholds.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import Points, centres_of_labels
from adaptoscope.images.measurement import segment_nuclei
from adaptoscope.metrics.intervals import bootstrap_interval
from adaptoscope.metrics.point_matching import PointMatch, match_points, pooled_f1
from adaptoscope.style_transfer.made_from_drawings import pairs_with_drawings
from adaptoscope.training.progress import progress

# As in screening: nearer than half a cell it is the same cell.
RADIUS_IN_DIAMETERS = 0.5

# Of the bootstrap; bounds its time.
_RESAMPLES = 2000


@dataclass(frozen=True)
class Structure:
    """How well the drawn cells are found again, kept and rejected images together.

    Parameters
    ----------
    f1, f1_drawings, relative_f1
        The judge's F1 on the stylised images and on their drawings, over all cells, and the first
        divided by the second.
    relative_interval
        Its 95 % bootstrap interval over images.
    f1_kept
        F1 over the images that screening kept; None if none was kept or screened.
    invented, lost, divided, merged
        Cells, as shares of those drawn. Divided ones are invented and part of a drawn one, merged
        ones are lost and were seen as one with a neighbour.
    shift_in_diameters
        Mean distance of found cells from where they were drawn.
    """

    n: int
    f1: float
    f1_drawings: float
    relative_f1: float
    relative_interval: tuple[float, float]
    f1_kept: float | None
    invented: float
    lost: float
    divided: float
    merged: float
    shift_in_diameters: float

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it; what is not defined is None."""
        return {name: _defined(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Structure":
        """Undo `as_dict`."""
        values = {name: math.nan if value is None else value for name, value in plain.items()}
        if plain["f1_kept"] is None:
            values["f1_kept"] = None
        lower, upper = (math.nan if v is None else v for v in plain["relative_interval"])
        return cls(**values | {"relative_interval": (lower, upper)})


def misses(structure: Structure) -> tuple[str, str]:
    """Return two cells of a table: invented with divided cells, and lost with merged ones."""
    return (
        f"{100 * structure.invented:.1f} % ({100 * structure.divided:.1f} %)",
        f"{100 * structure.lost:.1f} % ({100 * structure.merged:.1f} %)",
    )


def judge_structure(stylised: CountedImageSet, drawings: CountedImageSet) -> Structure:
    """Compare stylised images with the drawings, which have points and cell diameter."""
    found, ceiling, kept, shifts = [], [], [], []
    for record, drawing in progress(pairs_with_drawings(stylised, drawings), "judge", unit="image"):
        points, diameter = drawings.points(drawing), _diameter(drawing)
        match = _match(stylised.read(record).pixels, points, diameter)
        found.append(match)
        ceiling.append(_match(drawings.read(drawing).pixels, points, diameter))
        if record.kept:
            kept.append(match)
        if len(match.pairs):
            shifts.append((match.mean_distance / diameter, len(match.pairs)))
    return _summary(found, ceiling, kept, shifts)


def _diameter(drawing: ImageRecord) -> float:
    if not drawing.cell_diameter_px:
        raise InputError(
            f"The drawing {drawing.name} does not say how large its cells are.",
            expected="a number above 0 in the column cell_diameter_px",
            found="none",
            remedy="add the column to its metadata.csv",
        )
    return drawing.cell_diameter_px


def find_cells(pixels: NDArray[np.float32]) -> Points:
    """Find cells as the judge does: centres of segmented nuclei, shape (N, 2), (row, column)."""
    return centres_of_labels(segment_nuclei(pixels)[0])


def _match(pixels: NDArray[np.float32], points: Points, diameter: float) -> PointMatch:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return match_points(find_cells(pixels), points, RADIUS_IN_DIAMETERS * diameter)


def _summary(
    found: Sequence[PointMatch],
    ceiling: Sequence[PointMatch],
    kept: Sequence[PointMatch],
    shifts: Sequence[tuple[float, int]],
) -> Structure:
    drawn = sum(len(match.pairs) + match.false_negatives for match in found)
    if not drawn:
        raise InputError(
            "There is no cell to look for.",
            expected="drawings with cells",
            found=f"{len(found)} drawings without",
            remedy="judge a set whose drawings hold cells",
        )
    f1, f1_drawings = pooled_f1(list(found)), pooled_f1(list(ceiling))
    weight = sum(pairs for _, pairs in shifts)
    per_image = np.hstack([_pairs_and_misses(found), _pairs_and_misses(ceiling)])
    # An image in which the judge sees no cell of the drawing cannot be divided by.
    seen = per_image[per_image[:, 2] > 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = bootstrap_interval(seen, _relative_f1, seed=0, resamples=_RESAMPLES)
    return Structure(
        n=len(found),
        f1=f1,
        f1_drawings=f1_drawings,
        relative_f1=_relative_f1(per_image),
        relative_interval=(interval.lower, interval.upper),
        f1_kept=pooled_f1(list(kept)) if kept else None,
        invented=sum(match.false_positives for match in found) / drawn,
        lost=sum(match.false_negatives for match in found) / drawn,
        divided=sum(match.splits for match in found) / drawn,
        merged=sum(match.merges for match in found) / drawn,
        shift_in_diameters=sum(s * pairs for s, pairs in shifts) / weight if weight else 0.0,
    )


def _pairs_and_misses(matches: Sequence[PointMatch]) -> NDArray[np.float64]:
    """Return pairs, and false positives with false negatives, of each image; shape (N, 2)."""
    return np.array(
        [(len(m.pairs), m.false_positives + m.false_negatives) for m in matches], dtype=np.float64
    )


def _defined(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_defined(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _relative_f1(per_image: NDArray[np.float64]) -> float:
    """Divide pooled F1 by that on the drawings; columns as `_pairs_and_misses` gives them, twice.

    NaN where the judge finds no cell in the drawings.
    """
    pairs, misses, drawn_pairs, drawn_misses = per_image.sum(axis=0)
    if not drawn_pairs:
        return float("nan")
    f1 = 2 * pairs / (2 * pairs + misses)
    return float(f1 / (2 * drawn_pairs / (2 * drawn_pairs + drawn_misses)))
