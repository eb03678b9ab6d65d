"""Images of many microscopes read for one training, each brought to one cell size by itself."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.training_images import at_working_size
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.images.blobs import measured_diameter
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.normalisation import measure_range
from adaptoscope.images.resampling import scaled

# Smaller labels are cuttings of cells at the border of a crop.
_SMALLEST_AREA = 20
_NORMALISED = IntensityRange(0.0, 1.0)


def read_many_sets(
    sets: Sequence[CountedImageSet], diameter: float, synthetic_share: float
) -> tuple[TrainingImages, dict[str, str]]:
    """Read the labelled training images of some sets.

    Parameters
    ----------
    sets
        Where a set is split, only its training images are read.
    diameter
        Cell diameter in pixels that every image is brought to: from its record, its mask, or
        measured. Images without any are left as they are.
    synthetic_share
        Share of the crops that come from synthetic images, where there are both kinds.

    Returns
    -------
    tuple
        The images, with shares that grow with the square root of a group's area; and the name of
        each under the SHA-256 of its pixels.
    """
    pixels: list[npt.NDArray[np.float32]] = []
    points: list[Points] = []
    hashes: dict[str, str] = {}
    groups: list[str] = []
    synthetic: list[bool] = []
    for number, one in enumerate(sets):
        labelled = one.training_part().labelled()
        check_labels(labelled)
        for record in labelled:
            image = labelled.read(record)
            normalised = measure_range(image.pixels).apply(image.pixels)
            own = _diameter_of(labelled, record, image.pixels) or diameter
            height, width = normalised.shape
            change = scaled((height, width), diameter / own)
            shown, centres = at_working_size(normalised, labelled.points(record), change)
            pixels.append(shown)
            points.append(centres)
            hashes[image.sha256] = record.file_name
            groups.append(f"{number}/{record.group}")
            synthetic.append(bool(record.synthetic))
    if not pixels:
        raise InputError(
            "There is no image to train on.",
            expected="at least one labelled image of a training split",
            found="none",
            remedy="check the folders and their lists of images",
        )
    areas = np.array([image.size for image in pixels], dtype=np.float64)
    shares = shares_of(areas, groups, np.array(synthetic), synthetic_share)
    known = {name: sha for sha, name in hashes.items()}
    return TrainingImages(pixels, points, known, _NORMALISED, diameter, shares=shares), hashes


def shares_of(
    areas: npt.NDArray[np.float64],
    groups: Sequence[str],
    synthetic: npt.NDArray[np.bool_],
    synthetic_share: float,
) -> npt.NDArray[np.float64]:
    """Return each image's share of the crops.

    Parameters
    ----------
    areas
        Pixels of each image, shape (N,).
    groups
        Images of one group look alike; its share grows with the square root of its area.
    synthetic
        Which images are synthetic, shape (N,).
    synthetic_share
        Share of these together, where there are others too.

    Returns
    -------
    numpy.ndarray
        Shape (N,), above 0, adding to 1.
    """
    names, member_of = np.unique(np.array(groups), return_inverse=True)
    totals = np.bincount(member_of, weights=areas, minlength=len(names))
    weights = areas / np.sqrt(totals[member_of])
    if synthetic.any() and not synthetic.all():
        weights = np.where(
            synthetic,
            synthetic_share * weights / weights[synthetic].sum(),
            (1 - synthetic_share) * weights / weights[~synthetic].sum(),
        )
    return np.asarray(weights / weights.sum())


def _diameter_of(
    images: CountedImageSet, record: ImageRecord, pixels: npt.NDArray[np.float32]
) -> float | None:
    """Return the diameter on record, else that of discs of the mask's median area, else measure."""
    if record.cell_diameter_px:
        return record.cell_diameter_px
    mask = images.mask(record)
    if mask is None:
        return measured_diameter(pixels)
    areas = np.bincount(mask.ravel())[1:]
    areas = areas[areas > _SMALLEST_AREA]
    return float(np.sqrt(4 * np.median(areas) / np.pi)) if len(areas) else None
