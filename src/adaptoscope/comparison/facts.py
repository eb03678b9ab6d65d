"""What is measured on the images of one set, one after the other."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.images.appearance import measure_appearance
from adaptoscope.images.edge_sharpness import edge_sharpness
from adaptoscope.images.measurement import (
    background_level,
    mean_of_labels,
    noise_sd,
    segment_nuclei,
)
from adaptoscope.images.saturation import clipped_shares
from adaptoscope.metrics.distributions import Histogram, intensity_histogram
from adaptoscope.training.progress import progress

# One step of 16 bits: contrasts are divided by.
_LEAST_CONTRAST = 1.0 / 65535


@dataclass(frozen=True)
class ImageFacts:
    """Measures of one image, without labels; NaN where nothing was seen to measure.

    Parameters
    ----------
    clipped
        Share of the pixels cut off at the bright end.
    sharpness
        Median steepness of cell borders: share of their rise per pixel, times the cell diameter, so
        that magnification does not matter.
    noise, unevenness
        Deviation of the fine noise, and of the background over the field, as shares of the
        contrast.
    background
        Level between the cells, in [0, 1] of the stored range.
    contrast
        Median brightness of the cells above the background, in the same unit.
    found, marked
        Cells that the segmentation found, and that are marked; None in an unlabelled image.
    """

    name: str
    sha256: str
    shape: tuple[int, int]
    bit_depth: int
    pixel_size_um: float | None
    clipped: float
    sharpness: float
    noise: float
    background: float
    unevenness: float
    contrast: float
    diameter: float
    found: int
    marked: int | None


@dataclass(frozen=True, eq=False)
class SetFacts:
    """Measures of the images of a folder that has `available` images; `histogram` is of all."""

    folder: str
    available: int
    images: tuple[ImageFacts, ...]
    histogram: Histogram

    @property
    def labelled(self) -> bool:
        """Whether the cells of all measured images are marked."""
        return all(image.marked is not None for image in self.images)

    def median(self, value: Callable[[ImageFacts], float]) -> float:
        """Return the median over the images where a measure is known; NaN where it is nowhere."""
        values = np.array([value(image) for image in self.images], dtype=np.float64)
        known = values[np.isfinite(values)]
        return float(np.median(known)) if len(known) else math.nan

    def usual(self, value: Callable[[ImageFacts], object]) -> tuple[object, bool]:
        """Return the most frequent value, and whether all images have it."""
        values = Counter(value(image) for image in self.images)
        return values.most_common(1)[0][0], len(values) == 1

    def cells_per_mpx(self, *, marked: bool) -> float:
        """Return the mean density of cells that are marked, or that were found."""
        cells = [image.marked if marked else image.found for image in self.images]
        pixels = sum(image.shape[0] * image.shape[1] for image in self.images)
        return 1e6 * float(sum(number or 0 for number in cells)) / pixels


def measure_facts(images: CountedImageSet, available: int, description: str) -> SetFacts:
    """Measure images, at least one, that were chosen from a set of `available` images."""
    facts, histograms = [], []
    for record in progress(images.records, description, unit="image"):
        image = images.read(record)
        marked = len(images.points(record)) if record.labelled else None
        facts.append(_measure(image, record, marked))
        histograms.append(intensity_histogram(image.pixels))
    total = np.sum(histograms, axis=0)
    return SetFacts(str(images.folder), available, tuple(facts), total)


def _measure(image: MicroscopyImage, record: ImageRecord, marked: int | None) -> ImageFacts:
    pixels = image.pixels
    labels, diameter = segment_nuclei(pixels)
    background = background_level(pixels)[0]
    seen = bool(labels.any())
    contrast = sharpness = unevenness = math.nan
    if seen:
        contrast = float(np.median(mean_of_labels(pixels, labels))) - background
        contrast = max(contrast, _LEAST_CONTRAST)
        slopes = edge_sharpness(pixels, labels)
        sharpness = float(np.median(slopes)) * diameter if len(slopes) else math.nan
        unevenness = measure_appearance(pixels, diameter).unevenness
    return ImageFacts(
        name=record.name,
        sha256=image.sha256,
        shape=(pixels.shape[0], pixels.shape[1]),
        bit_depth=image.scale.bit_depth,
        pixel_size_um=image.pixel_size_um,
        clipped=clipped_shares(pixels).bright,
        sharpness=sharpness,
        noise=noise_sd(pixels) / contrast,
        background=background,
        unevenness=unevenness,
        contrast=contrast,
        diameter=diameter,
        found=int(labels.max()),
        marked=marked,
    )
