"""Batches of random crops with their numbers of cells, each a function of seed and step alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from adaptoscope.counting.settings import CountingSettings
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.images.cell_centres import Points, inside_window
from adaptoscope.images.resampling import Resampling
from adaptoscope.images.windows import cut_window, mirrored_points, random_crop, random_window
from adaptoscope.training.augmentation import change_appearance, draw_appearance

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
    density
        What a density network shall say, shape (B, 1, h, w), where that is more than the cells.
    weights
        Of each place of ``density`` in the loss, same shape.
    """

    images: torch.Tensor
    points: tuple[Points, ...]
    density: torch.Tensor | None = None
    weights: torch.Tensor | None = None

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
    shares
        Share of the crops that each image gives, shape (N,), adding to 1; None takes one of every
        image in each epoch.
    """

    pixels: list[npt.NDArray[np.float32]]
    points: list[Points]
    hashes: dict[str, str]
    intensity: IntensityRange
    diameter_px: float | None = None
    pixel_size_um: float | None = None
    shares: npt.NDArray[np.float64] | None = None

    def draw(
        self, settings: CountingSettings, *, batch: int, step: int, stream: int = 0
    ) -> CropBatch:
        """Draw the batch of one step, which depends on the settings' seed and the step alone.

        Without `shares` every image gives one crop per epoch, in an order shuffled anew for each.

        Parameters
        ----------
        stream
            Tells two sets apart that are drawn from in one step.
        """
        generator = np.random.default_rng([settings.seed, step, *([stream] if stream else [])])
        if self.shares is None:
            members = members_of_step(len(self.pixels), batch, settings.seed, step)
        else:
            members = generator.choice(len(self.pixels), size=batch, p=self.shares)
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
            images = changed_at_random(images, generator)
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


def changed_at_random(images: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Change the appearance of crops, shape (B, 1, H, W), each in its own way."""
    change = draw_appearance(generator, len(images))
    noise = torch.Generator().manual_seed(int(generator.integers(2**31)))
    return change_appearance(images, change, noise)


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
