"""Count the nuclei of predicted stains with a counter: whether a stain is of use to count on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from adaptoscope.counting.count_image import count_cells
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.imageio.microscopy_image import image_of_counts
from adaptoscope.images.blobs import measured_diameter
from adaptoscope.images.cell_centres import Points, no_points
from adaptoscope.metrics.counts import count_errors
from adaptoscope.metrics.point_matching import PointMatch, match_points, pooled_shares
from adaptoscope.training.progress import progress
from adaptoscope.translation.fields import Field
from adaptoscope.translation.model_folder import Predictor
from adaptoscope.translation.predict import FloatImage, predict_stains

# Usual nucleus in pixels, where none can be measured.
_DIAMETER = 15.0


@dataclass(frozen=True)
class StainedCounts:
    """How well nuclei are counted on one kind of image.

    Parameters
    ----------
    mae, bias
        Mean absolute and mean error, in nuclei per field.
    precision, recall, f1
        Of the centres of all fields together, matched within half a cell diameter.
    """

    n: int
    mae: float
    bias: float
    precision: float
    recall: float
    f1: float

    def as_dict(self) -> dict[str, object]:
        """Return the figures by name."""
        return asdict(self)


def count_on_stains(
    model: Predictor,
    counter: CountingModel,
    pairs: PairedStainSet,
    fields: Sequence[Field],
    stain: str,
) -> dict[str, StainedCounts]:
    """Count nuclei on predicted and on true stains of fields whose cells are marked.

    Parameters
    ----------
    fields
        With their stains read, in the model's order.

    Returns
    -------
    dict
        ``predicted``, and ``true`` as the best that this counter can do on this stain.
    """
    if stain not in model.record.stains:
        raise InputError(
            f"The model {model.name} does not predict {stain}.",
            expected=f"one of {', '.join(model.record.stains)}",
            found=stain,
            remedy="name the nuclear stain",
        )
    place = model.record.stains.index(stain)
    found: dict[str, list[tuple[Points, Points, float]]] = {"predicted": [], "true": []}
    for field in progress(fields, "count nuclei", unit="image"):
        true = pairs.points(field.records[place])
        diameter = _diameter(field.truth[place])
        for kind, plane in (
            ("predicted", predict_stains(model, field.pixels)[place]),
            ("true", field.truth[place]),
        ):
            found[kind].append((_centres(counter, field, plane), true, diameter))
    return {kind: _figures(each) for kind, each in found.items()}


def _centres(counter: CountingModel, field: Field, plane: FloatImage) -> Points:
    stored = IntensityScale.full_range(16).to_stored(np.clip(plane, 0, 1))
    name = f"{Path(field.name).stem} stained"
    counted = count_cells(counter, image_of_counts(name, stored, field.pixel_size_um))
    if counted.points is None:
        raise InputError(
            f"The counter {counter.name} gives no positions.",
            expected="a counter that says where cells are, such as nuclei",
            found=counter.record.kind,
            remedy="choose another --counter",
        )
    return counted.points if len(counted.points) else no_points()


def _diameter(plane: FloatImage) -> float:
    return measured_diameter(plane) or _DIAMETER


def _figures(found: Sequence[tuple[Points, Points, float]]) -> StainedCounts:
    matches: list[PointMatch] = [
        match_points(own, true, diameter / 2) for own, true, diameter in found
    ]
    shares = pooled_shares(matches)
    errors = count_errors([len(own) for own, _, _ in found], [len(true) for _, true, _ in found])
    return StainedCounts(
        len(found), errors.mae, errors.bias, shares.precision, shares.recall, shares.f1
    )
