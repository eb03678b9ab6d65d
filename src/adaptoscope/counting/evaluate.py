"""Compare a counter with counted images: errors, their interval, and a row for each image."""

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.count_image import count_cells
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.evaluation_result import EvaluatedImage, Evaluation, summarise
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.counting.true_diameters import diameters_of_cells
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.density_classes import class_of
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.errors import InputError, LeakageError
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.images.cell_centres import Points
from adaptoscope.metrics.game import grid_average_error
from adaptoscope.metrics.point_matching import PointMatch, match_points
from adaptoscope.training.progress import progress

# 1, 4, 16 and 64 squares, the levels that the measure was published with.
_LEVELS = (0, 1, 2, 3)


def evaluate_counter(
    model: CountingModel,
    images: CountedImageSet,
    *,
    seed: int = 0,
    resamples: int = 10_000,
    allow_training_images: bool = False,
) -> Evaluation:
    """Count every labelled image of a set and compare.

    Parameters
    ----------
    seed, resamples
        Of the bootstrap over images that gives the 95 % interval of the mean absolute error.
    allow_training_images
        Set where the error on the training images themselves is asked for.
    """
    labelled = images.labelled()
    if not len(labelled):
        raise InputError(
            f"No image of {images.folder} has its cells marked.",
            expected="images with cell centres in points.csv",
            found=f"{len(images)} unlabelled images",
            remedy="use `adaptoscope count predict` for images without labels",
        )
    check_labels(labelled)
    seen = {} if allow_training_images else model.record.training_images
    classed = all(record.density_class for record in labelled)
    calibration = model.record.calibration
    rows = []
    for record in progress(labelled, "evaluate", unit="image"):
        image = labelled.read(record)
        refuse_seen(image, seen, model.name)
        true = labelled.points(record)
        counted = count_cells(model, image)
        diameters = diameters_of_cells(labelled, record, image, true)
        own_class = record.density_class if classed else None
        rows.append(
            EvaluatedImage(
                image=record.name,
                predicted=counted.count,
                true=float(len(true)),
                density_class=own_class or class_of(1e6 * len(true) / image.pixels.size),
                true_points=true,
                diameters=diameters,
                found_points=counted.points,
                match=_match(counted, true, diameters / 2),
                game=_grid_errors(counted, true, image.shape),
                bounds=calibration.interval(counted.count) if calibration else None,
            )
        )
    return summarise(rows, seed=seed, resamples=resamples)


def _match(counted: ImageCount, true: Points, radii: npt.NDArray[np.float64]) -> PointMatch | None:
    """Match within half a cell, whose size does not depend on the counter: figures compare."""
    if counted.points is None or not (len(true) or len(counted.points)):
        return None
    return match_points(counted.points, true, radii)


def _grid_errors(
    counted: ImageCount, true: Points, shape: tuple[int, int]
) -> tuple[float, ...] | None:
    """Return the grid average errors, of which the first is the error of the count itself.

    Each found centre stands for an equal part of the count, which need not be a whole number. A
    count without any centre is spread evenly over the image.
    """
    places = counted.points
    if places is None:
        return None
    if not len(places):
        places = _evenly_spread(shape)
    weights = np.full(len(places), counted.count / len(places))
    return tuple(
        grid_average_error(places, true, shape, level, weights=weights) for level in _LEVELS
    )


def _evenly_spread(shape: tuple[int, int]) -> Points:
    """Return the middle of every rectangle of the finest grid."""
    side = 2 ** _LEVELS[-1]
    rows, columns = ((np.arange(side) + 0.5) / side * length - 0.5 for length in shape)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)


def refuse_seen(image: MicroscopyImage, seen: dict[str, str], model: str) -> None:
    """Refuse an image that a counter was trained on: from hash to name in `seen`."""
    if image.sha256 in seen:
        raise LeakageError(
            f"The counter {model} was trained on the image {image.name}.",
            expected="images that the counter has not seen",
            found=f"the pixels of its training image {seen[image.sha256]}",
            remedy="evaluate on images that it has not seen: where a list of the set names splits, "
            "--split test; else mark further images, or list train and test in split.csv and train "
            "again",
        )
