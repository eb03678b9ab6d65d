"""Batches of random crops with their numbers of cells, each a function of seed and step alone."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from adaptoscope.counting.settings import CountingSettings, DensitySettings
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.errors import InputError
from adaptoscope.images.blobs import estimate_diameter
from adaptoscope.images.cell_centres import Points, inside_window, no_points
from adaptoscope.images.normalisation import IntensityRange, common_range, measure_range
from adaptoscope.images.resampling import Resampling, scaled
from adaptoscope.images.windows import cut_window, mirrored_points, random_crop, random_window
from adaptoscope.training.appearance import change_appearance, draw_appearance

MARGIN = 16
"""How far outside a crop cells are listed, in pixels."""


@dataclass(frozen=True, eq=False)
class CropBatch:
    """Crops and the cells in them.

    Parameters
    ----------
    images
        Shape (B, 1, crop, crop), float32.
    points
        Cell centres of each crop, shape (N, 2), (row, column) in pixels of the crop. Those up to
        `MARGIN` pixels outside are listed too, since they are seen at the border.
    """

    images: torch.Tensor
    points: tuple[Points, ...]

    def counts(self) -> torch.Tensor:
        """Return the number of cells inside each crop, shape (B,), float32."""
        side = self.images.shape[-1]
        inside = [inside_window(points, 0, 0, side, side).sum() for points in self.points]
        return torch.tensor(inside, dtype=torch.float32)


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
        Usual cell diameter in pixels and edge of a pixel in micrometres, of the stored images; None
        where unknown.
    """

    pixels: list[npt.NDArray[np.float32]]
    points: list[Points]
    hashes: dict[str, str]
    intensity: IntensityRange
    diameter_px: float | None = None
    pixel_size_um: float | None = None

    def draw(
        self, settings: CountingSettings, *, batch: int, step: int, stream: int = 0
    ) -> CropBatch:
        """Draw the batch of one step, which depends on the settings' seed and the step alone.

        Every image gives one crop per epoch, in an order shuffled anew for each epoch.

        Parameters
        ----------
        settings
            Seed, side of the crops, random changes.
        batch
            Number of crops.
        step
            Number of the step.
        stream
            Tells two sets apart that are drawn from in one step.
        """
        generator = np.random.default_rng([settings.seed, step, *([stream] if stream else [])])
        members = members_of_step(len(self.pixels), batch, settings.seed, step)
        drawn = [self._crop(member, settings, generator) for member in members]
        if settings.augment != "none":
            quarters = generator.integers(0, 4, batch)
            flips = generator.integers(0, 2, batch)
            drawn = [
                _turned(*crop, int(turns), bool(flip))
                for crop, turns, flip in zip(drawn, quarters, flips, strict=True)
            ]
        images = torch.from_numpy(np.stack([pixels for pixels, _ in drawn])[:, None])
        if settings.augment == "appearance":
            change = draw_appearance(generator, batch)
            noise = torch.Generator().manual_seed(int(generator.integers(2**31)))
            images = change_appearance(images, change, noise)
        return CropBatch(images, tuple(points for _, points in drawn))

    def count_statistics(self, crop: int, seed: int, draws: int = 2000) -> tuple[float, float]:
        """Return mean and deviation of the counts of random crops, the deviation at least 1."""
        generator = np.random.default_rng([seed, draws])
        counts = []
        for member in np.resize(np.arange(len(self.pixels)), draws):
            shape = self.pixels[member].shape
            blank = np.broadcast_to(np.float32(0), shape)
            counts.append(len(random_crop(blank, self.points[member], crop, generator).points))
        return float(np.mean(counts)), max(float(np.std(counts)), 1.0)

    def _crop(
        self, member: int, settings: CountingSettings, generator: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], Points]:
        """Cut one crop, at another scale where that is asked for."""
        side, jitter = settings.crop, settings.scale_jitter
        if jitter > 1:
            side = round(side * jitter ** generator.uniform(-1, 1))
        pixels, points = self.pixels[member], self.points[member]
        window = random_window(pixels.shape[0], pixels.shape[1], side, generator)
        cut = cut_window(pixels, window, side)
        shown = mirrored_points(points, pixels.shape, side)
        near = (window.top - MARGIN, window.left - MARGIN, side + 2 * MARGIN, side + 2 * MARGIN)
        local = shown[inside_window(shown, *near)] - np.array([window.top, window.left], float)
        if side == settings.crop:
            return cut, local
        change = Resampling((side, side), (settings.crop, settings.crop))
        whole = change.part(cut, 0, 0, settings.crop, settings.crop)
        return whole, change.points_after(local)


def read_training_images(
    images: CountedImageSet, settings: CountingSettings, *, labels: bool = True
) -> TrainingImages:
    """Read images into memory, normalise them and bring their cells to one size.

    Parameters
    ----------
    images
        The images to train on; those without labels are left out.
    labels
        Read the cells, and leave images without labels out; otherwise all images are read and no
        label is.
    settings
        Side of the crops, what to do with smaller images, normalisation, and with a density head
        the cell diameter that images are brought to.

    Raises
    ------
    InputError
        No image is labelled, one cannot be read, one is smaller than a crop, its cells are not
        what `check_labels` accepts, or no cell can be measured where the diameter counts.
    """
    labelled = images.labelled() if labels else images
    if not len(labelled):
        raise InputError(
            f"No image of {images.folder} has its cells marked.",
            expected="images with cell centres in points.csv",
            found=f"{len(images)} unlabelled images",
            remedy="mark some images, or count with `dog`, which needs no labels",
        )
    if labels:
        check_labels(labelled)
    raw, sizes, hashes = [], [], {}
    for record in labelled:
        image = labelled.read(record)
        raw.append(image.pixels)
        sizes.append(image.pixel_size_um)
        hashes[record.file_name] = image.sha256
    diameter = usual_diameter(labelled, raw)
    changes = [_to_working_size(pixels.shape, diameter, settings) for pixels in raw]
    for record, change in zip(labelled, changes, strict=True):
        _refuse_small(record.file_name, change.new_shape, settings)
    ranges = [measure_range(pixels) for pixels in raw]
    shared = common_range(ranges)
    used = ranges if settings.normalisation == "image" else [shared] * len(ranges)
    pixels = [
        change.part(one.apply(image), 0, 0, *change.new_shape)
        for change, one, image in zip(changes, used, raw, strict=True)
    ]
    points = [
        change.points_after(labelled.points(record) if labels else no_points())
        for change, record in zip(changes, labelled, strict=True)
    ]
    return TrainingImages(pixels, points, hashes, shared, diameter, common_pixel_size(sizes))


def _to_working_size(
    shape: tuple[int, ...], diameter: float | None, settings: CountingSettings
) -> Resampling:
    height, width = shape
    if not isinstance(settings, DensitySettings):
        return Resampling((height, width), (height, width))
    if diameter is None:
        raise InputError(
            "No cell of the training images can be measured.",
            expected="a cell diameter in the column cell_diameter_px, or cells that can be seen",
            found="neither",
            remedy="check the channel, or add the column to metadata.csv",
        )
    return scaled((height, width), settings.diameter / diameter)


def _refuse_small(name: str, shape: tuple[int, int], settings: CountingSettings) -> None:
    needed = math.ceil(settings.crop * settings.scale_jitter)
    if settings.pad == "refuse" and min(shape) < needed:
        raise InputError(
            f"The image {name} is smaller than a training crop.",
            expected=f"at least {needed} x {needed} pixels",
            found=f"{shape[0]} x {shape[1]} pixels",
            remedy=f"set crop to {int(min(shape) / settings.scale_jitter)} or less, or pad to "
            "reflect",
        )


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
    pixels: npt.NDArray[np.float32], points: Points, quarters: int, flip: bool
) -> tuple[npt.NDArray[np.float32], Points]:
    """Flip a crop left to right and turn it by quarters, with its cells."""
    last = pixels.shape[0] - 1
    if flip:
        pixels, points = pixels[:, ::-1], np.stack([points[:, 0], last - points[:, 1]], axis=1)
    for _ in range(quarters):
        points = np.stack([last - points[:, 1], points[:, 0]], axis=1)
    return np.ascontiguousarray(np.rot90(pixels, quarters)), points
