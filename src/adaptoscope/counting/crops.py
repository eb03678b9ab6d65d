"""Batches of random crops with their numbers of cells, each a function of seed and step alone."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.errors import InputError
from adaptoscope.images.blobs import estimate_diameter
from adaptoscope.images.cell_centres import Points
from adaptoscope.images.normalisation import IntensityRange, common_range, measure_range
from adaptoscope.images.windows import random_crop
from adaptoscope.training.appearance import change_appearance, draw_appearance

Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """Normalised images in memory, ready to be cropped.

    Parameters
    ----------
    pixels
        One array (H, W), float32, per image; background near 0, cells near 1.
    points
        Cell centres of each image, shape (N, 2), (row, column).
    hashes
        SHA-256 of each image's pixels under its file name.
    intensity
        The common range of the set, in the unit of the stored range.
    diameter_px, pixel_size_um
        Usual cell diameter in pixels and edge of a pixel in micrometres; None where unknown.
    """

    pixels: list[npt.NDArray[np.float32]]
    points: list[Points]
    hashes: dict[str, str]
    intensity: IntensityRange
    diameter_px: float | None = None
    pixel_size_um: float | None = None

    def draw(
        self,
        *,
        crop: int,
        batch: int,
        seed: int,
        step: int,
        augment: Literal["none", "flips", "appearance"] = "none",
    ) -> Batch:
        """Draw the batch of one step.

        Every image gives one crop per epoch, in an order shuffled anew for each epoch.

        Parameters
        ----------
        crop, batch
            Side of the crops in pixels, and their number B.
        seed, step
            All that the batch depends on.
        augment
            As in `CountingSettings.augment`.

        Returns
        -------
        tuple of torch.Tensor
            Crops of shape (B, 1, crop, crop) and counts of shape (B,), float32.
        """
        generator = np.random.default_rng([seed, step])
        crops = np.empty((batch, 1, crop, crop), dtype=np.float32)
        counts = np.empty(batch, dtype=np.float32)
        for slot, member in enumerate(members_of_step(len(self.pixels), batch, seed, step)):
            cut = random_crop(self.pixels[member], self.points[member], crop, generator)
            crops[slot, 0] = cut.pixels
            counts[slot] = len(cut.points)
        if augment != "none":
            crops = _turned(crops, generator)
        images = torch.from_numpy(crops)
        if augment == "appearance":
            change = draw_appearance(generator, batch)
            noise = torch.Generator().manual_seed(int(generator.integers(2**31)))
            images = change_appearance(images, change, noise)
        return images, torch.from_numpy(counts)

    def count_statistics(self, crop: int, seed: int, draws: int = 2000) -> tuple[float, float]:
        """Return mean and deviation of the counts of random crops, the deviation at least 1."""
        generator = np.random.default_rng([seed, draws])
        counts = []
        for member in np.resize(np.arange(len(self.pixels)), draws):
            shape = self.pixels[member].shape
            blank = np.broadcast_to(np.float32(0), shape)
            counts.append(len(random_crop(blank, self.points[member], crop, generator).points))
        return float(np.mean(counts)), max(float(np.std(counts)), 1.0)


def read_training_images(
    images: CountedImageSet, *, crop: int, pad: str, normalisation: str
) -> TrainingImages:
    """Read labelled images into memory and normalise them.

    Parameters
    ----------
    images
        The images to train on; those without labels are left out.
    crop
        Side of the crops in pixels.
    pad
        ``refuse`` or ``reflect``: what to do with images smaller than a crop.
    normalisation
        ``image`` or ``set``.

    Raises
    ------
    InputError
        No image is labelled, one cannot be read, or one is smaller than a crop.
    """
    labelled = images.labelled()
    if not len(labelled):
        raise InputError(
            f"No image of {images.folder} has its cells marked.",
            expected="images with cell centres in points.csv",
            found=f"{len(images)} unlabelled images",
            remedy="mark some images, or count with `dog`, which needs no labels",
        )
    raw, ranges, sizes, hashes = [], [], [], {}
    for record in labelled:
        image = labelled.read(record)
        if pad == "refuse" and min(image.shape) < crop:
            raise InputError(
                f"The image {record.file_name} is smaller than a training crop.",
                expected=f"at least {crop} x {crop} pixels",
                found=f"{image.shape[0]} x {image.shape[1]} pixels",
                remedy=f"set crop to {min(image.shape)} or less, or pad to reflect",
            )
        raw.append(image.pixels)
        ranges.append(measure_range(image.pixels))
        sizes.append(image.pixel_size_um)
        hashes[record.file_name] = image.sha256
    shared = common_range(ranges)
    used = ranges if normalisation == "image" else [shared] * len(ranges)
    pixels = [one.apply(image) for one, image in zip(used, raw, strict=True)]
    points = [labelled.points(record) for record in labelled]
    diameter = usual_diameter(labelled, raw)
    return TrainingImages(pixels, points, hashes, shared, diameter, common_pixel_size(sizes))


def refuse_kept_back(images: CountedImageSet, real: CountedImageSet) -> None:
    """Refuse to train on the validation and test images of the real set, under any name.

    Parameters
    ----------
    images
        What is about to be trained on; the sources named in its records count too.
    real
        The real set with its splits.

    Raises
    ------
    LeakageError
        Names the image and the split.
    """
    refuse_held_out_images(images, [real], "train the counter")


def usual_diameter(
    images: CountedImageSet, pixels: Sequence[npt.NDArray[np.float32]], most: int = 20
) -> float | None:
    """Return the median cell diameter in pixels: as recorded, else measured on some images.

    Parameters
    ----------
    images
        The set.
    pixels
        Its images, shape (H, W) each, for the case that nothing is recorded.
    most
        Number of images that are measured.

    Returns
    -------
    float or None
        None where no image shows cells.
    """
    known = [record.cell_diameter_px for record in images if record.cell_diameter_px]
    if not known:
        chosen = pixels[:: max(1, len(pixels) // most)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            known = [estimate_diameter(image) for image in chosen]
    usable = [diameter for diameter in known if np.isfinite(diameter)]
    return float(np.median(usable)) if usable else None


def common_pixel_size(sizes: Sequence[float | None]) -> float | None:
    """Return the pixel size that all images share; None where they differ or do not tell."""
    different = set(sizes)
    return different.pop() if len(different) == 1 else None


def members_of_step(n: int, batch: int, seed: int, step: int) -> npt.NDArray[np.int64]:
    """Return which of ``n`` images a step crops, going through all of them in every epoch.

    Returns
    -------
    numpy.ndarray
        Shape (batch,), indices into the images.
    """
    positions = step * batch + np.arange(batch)
    epochs = positions // n
    orders = {
        epoch: np.random.default_rng([seed, int(epoch), n]).permutation(n)
        for epoch in np.unique(epochs)
    }
    return np.array(
        [orders[epoch][position % n] for epoch, position in zip(epochs, positions, strict=True)],
        dtype=np.int64,
    )


def _turned(
    crops: npt.NDArray[np.float32], generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Flip and turn each crop; the number of cells stays."""
    turns, flips = generator.integers(0, 4, len(crops)), generator.integers(0, 2, len(crops))
    turned = [
        np.rot90(crop[:, :, ::-1] if flip else crop, turn, axes=(1, 2))
        for crop, turn, flip in zip(crops, turns, flips, strict=True)
    ]
    return np.ascontiguousarray(np.stack(turned))
