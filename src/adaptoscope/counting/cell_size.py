"""The cell diameter that a counter is told for an image: given, or by the pixel sizes of both."""

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.counting.settings import WITHOUT_PLACES
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.images.diameters import measured_diameter
from adaptoscope.images.files import MicroscopyImage
from adaptoscope.images.large_images import LargeImage

OTHER_PIXEL_SIZE = "pixel size differs from training"

_LARGEST_RATIO = 1.2
_LARGEST_SIZE_RATIO = 1.6


def count_cells(
    model: CountingModel,
    image: MicroscopyImage | LargeImage,
    *,
    diameter_px: float | None = None,
) -> ImageCount:
    """Count one image at the right cell size.

    Parameters
    ----------
    model
        The counter.
    image
        The image; one that stays on disk is for density counters only.
    diameter_px
        Cell diameter in pixels, which comes before everything else. Otherwise, where the counter
        expects a diameter and the pixel sizes of its training images and of this image are known,
        the same diameter in micrometres; else the counter's own way.

    Raises
    ------
    SettingsError
        If a diameter is given to a counter that has no use for one.
    InputError
        If a counter that needs the whole image is given one that stays on disk.
    """
    if diameter_px is not None and model.record.kind in WITHOUT_PLACES:
        raise SettingsError(
            f"The counter {model.name} cannot be told the diameter of cells.",
            expected="no --diameter with a counter that sums windows or is constant",
            found=f"--diameter {diameter_px:g}",
            remedy="leave --diameter out, or bring the images to the pixel size of its training",
        )
    diameter = diameter_px or _expected_diameter(model, image.pixel_size_um)
    if not isinstance(image, LargeImage):
        return model.counter.count(image.pixels, diameter_px=diameter)
    if not isinstance(model.counter, DensityCounter):
        raise InputError(
            f"The counter {model.name} cannot count the image {image.name} in parts.",
            expected="a density counter, as nuclei",
            found=f"a counter of the kind {model.record.kind}",
            remedy="choose --model nuclei, or read the image whole",
        )
    return model.counter.count(image, diameter_px=diameter)


def counts_in_parts(model: CountingModel) -> bool:
    """Tell whether a counter can count an image that stays on disk."""
    return isinstance(model.counter, DensityCounter)


def pixel_size_flag(model: CountingModel, pixel_size_um: float | None) -> str:
    """Say where a counter meets a pixel size that it cannot adjust to.

    Parameters
    ----------
    model
        The counter.
    pixel_size_um
        Edge of a pixel of the image in micrometres; None where it is not known.

    Returns
    -------
    str
        `OTHER_PIXEL_SIZE` if the sizes differ by more than a fifth and the counter works at one
        size only, else nothing.
    """
    ratio = _pixel_ratio(model, pixel_size_um)
    if ratio is None or model.record.kind not in WITHOUT_PLACES:
        return ""
    return OTHER_PIXEL_SIZE if max(ratio, 1 / ratio) > _LARGEST_RATIO else ""


def cell_size_flag(model: CountingModel, pixels: npt.NDArray[np.float32], found: ImageCount) -> str:
    """Say where cells are of quite another size than those that a counter expects.

    Counters that know what their training images look like see this for themselves; those of a few
    images do not.

    Parameters
    ----------
    model
        The counter.
    pixels
        Shape (H, W), the image or a sample of it.
    found
        What the counter says of it, with the cell diameter that it worked at.

    Returns
    -------
    str
        The two diameters in words, if one is more than 1.6 times the other and the counter took
        its own; else nothing.
    """
    expected = model.counter.own_diameter_px
    if model.record.known is not None or expected is None or found.diameter_px != expected:
        return ""
    measured = measured_diameter(pixels)
    if measured is None or max(measured / expected, expected / measured) <= _LARGEST_SIZE_RATIO:
        return ""
    return f"cells look {measured:.0f} pixels wide, those of the training {expected:.0f}"


def _expected_diameter(model: CountingModel, pixel_size_um: float | None) -> float | None:
    ratio = _pixel_ratio(model, pixel_size_um)
    # At the pixel size of its training a counter works exactly as it was fitted.
    if ratio is None or ratio == 1.0:
        return None
    own = model.counter.own_diameter_px
    return None if own is None else own * ratio


def _pixel_ratio(model: CountingModel, pixel_size_um: float | None) -> float | None:
    """Return how many pixels of the image one of the training images' pixels spans."""
    trained = model.record.pixel_size_um
    return trained / pixel_size_um if trained and pixel_size_um else None
