"""The cell diameter that a counter is told for an image: given, or by the pixel sizes of both."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.baselines import doubts
from adaptoscope.counting.counter_source import refuse_diameter
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.heads.table import kind_of
from adaptoscope.counting.model_folder import CountingModel, ModelRecord
from adaptoscope.counting.out_of_distribution import Look
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.imageio.large_images import LargeImage, sample_of
from adaptoscope.images.artefacts import INVERTED, clean
from adaptoscope.images.blobs import measured_diameter
from adaptoscope.images.light import only_noise

Image = npt.NDArray[np.float32]

OTHER_PIXEL_SIZE = "pixel size differs from training"

BLANK = "blank: all pixels are alike"
"""Flag of an image that shows nothing."""

NOISE = "blank: nothing stands out from the noise"
"""Flag of an image without anything that could be a cell."""

# By eye: with so many pixels at the dark end, faint cells are cut off as well.
_CUT_OFF = 0.4
# Appearance is hardly another at another size; for images whose cells could not be measured.
_ANY_DIAMETER = 12.0
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
    image
        The image; one that stays on disk is for density counters only.
    diameter_px
        Cell diameter in pixels, which comes before everything else. Otherwise, where the counter
        expects a diameter and the pixel sizes of its training images and of this image are known,
        the same diameter in micrometres; else the counter's own way.
    """
    if diameter_px is not None:
        refuse_diameter(model.name, model.kind, diameter_px)
    diameter = diameter_px or _expected_diameter(model, image.pixel_size_um)
    if not isinstance(image, LargeImage):
        return _count_cleaned(model, image.pixels, diameter)
    if model.density is None:
        raise InputError(
            f"The counter {model.name} cannot count the image {image.name} in parts.",
            expected="a density counter, as nuclei",
            found=f"a counter of the kind {model.record.kind}",
            remedy="choose --model nuclei, or read the image whole",
        )
    counted = model.density.count(image, diameter_px=diameter)
    # What stays on disk is counted as it is; the words still warn of it.
    return replace(counted, said=clean(sample_of(image)).said)


def _count_cleaned(model: CountingModel, pixels: Image, diameter: float | None) -> ImageCount:
    """Count an image without what is no cell, where the counter looks for bright cells as such."""
    if model.record.kind == "constant":
        return model.counter.count(pixels, diameter_px=diameter)
    cleaned = clean(pixels)
    if not counts_cleaned(model.record):
        # It has learnt how its images look; the words warn of what it may not have seen.
        counted = model.counter.count(pixels, diameter_px=diameter)
        return replace(counted, said=cleaned.said)
    counted = model.counter.count(cleaned.pixels, diameter_px=diameter)
    if INVERTED in cleaned.said and model.density is not None:
        # A field that is full of cells has a bright ground as well; a network finds more of them
        # the right way round.
        as_it_is = clean(pixels, may_turn=False)
        other = model.counter.count(as_it_is.pixels, diameter_px=diameter)
        if other.count >= counted.count:
            cleaned, counted = as_it_is, other
    shown = None if cleaned.pixels is pixels else cleaned.pixels
    return replace(counted, shown=shown, said=cleaned.said)


def counts_cleaned(record: ModelRecord) -> bool:
    """Tell counters that were made for any microscope from those that learnt one, artefacts too."""
    kind = kind_of(record.kind)
    if kind.gives == "number":
        return False
    return kind.is_classical or record.regime == "fitted" or record.diameter_px is None


def pixel_size_flag(model: CountingModel, pixel_size_um: float | None) -> str:
    """Say where a counter meets a pixel size that it cannot adjust to.

    Parameters
    ----------
    pixel_size_um
        Edge of a pixel of the image in micrometres; None where it is not known.

    Returns
    -------
    str
        `OTHER_PIXEL_SIZE` if the sizes differ by more than a fifth and the counter works at one
        size only, else nothing.
    """
    ratio = _pixel_ratio(model, pixel_size_um)
    if ratio is None or model.kind.gives != "number":
        return ""
    return OTHER_PIXEL_SIZE if max(ratio, 1 / ratio) > _LARGEST_RATIO else ""


def flags_of(
    model: CountingModel,
    pixels: Image,
    found: ImageCount,
    look: Look | None,
    *,
    diameter_px: float | None = None,
) -> tuple[str, ...]:
    """Say why the count of an image should be looked at, whatever its neighbours are.

    Parameters
    ----------
    pixels
        Shape (H, W), what was counted, or a sample of it.
    look
        How it compares with the training images, where the counter knows them.
    diameter_px
        Cell diameter that was given, in place of a measured one.
    """
    if pixels.min() == pixels.max():
        return (*found.said, BLANK)
    known = diameter_px or diameter_of(model, found)
    measured = known is not None or not measures_diameter(model)
    if found.count == 0 and only_noise(pixels):
        return (*found.said, NOISE)
    dark = float(np.mean(pixels <= pixels.min()))
    said = [
        *found.said,
        "" if measured else "cell diameter not measured",
        f"{100 * dark:.0f} % of the pixels cut off at the dark end" if dark > _CUT_OFF else "",
        cell_size_flag(model, pixels, found),
        *(look.reasons if look else ()),
    ]
    if model.kind.is_classical:
        said += doubts(pixels, found.diameter_px or _ANY_DIAMETER)
    return tuple(dict.fromkeys(each for each in said if each))


def refuse_unmeasured(model: CountingModel, name: str, pixels: Image, found: ImageCount) -> None:
    """Refuse the 0 of a simple counter that could not measure any cell, unless there is nothing."""
    lost = model.kind.is_classical and found.diameter_px is None
    if not lost:
        return
    # What was taken out of the image was something.
    if not found.said and (pixels.min() == pixels.max() or only_noise(pixels)):
        return
    raise InputError(
        f"The counter {model.name} could not measure any cell in {name}.",
        expected="bright cells that stand out from the ground",
        found="; ".join(found.said) or "nothing that stands out from the rest",
        remedy="give --diameter, choose --model nuclei, or check the channel",
    )


def diameter_of(model: CountingModel, found: ImageCount) -> float | None:
    """Return the cell diameter in pixels; None where none could be measured."""
    counter = model.density
    measures = counter is not None and counter.own_diameter_px is None
    # A measured diameter is that of a disc of whole pixels, and so never a whole number.
    if counter is not None and measures and found.diameter_px == counter.working_diameter:
        return None
    return found.diameter_px


def measures_diameter(model: CountingModel) -> bool:
    """Tell whether a counter has to measure the cells of an image."""
    return model.kind.gives != "number" and model.counter.own_diameter_px is None


def cell_size_flag(model: CountingModel, pixels: npt.NDArray[np.float32], found: ImageCount) -> str:
    """Say where cells are of quite another size than those that a counter expects.

    Counters that know what their training images look like see this for themselves; those of a few
    images do not.

    Parameters
    ----------
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
