"""Square patches of many images, from which batches of augmented crops are drawn at once.

All random numbers come from a NumPy generator that the caller passes in, and all pixels are
computed on the device that holds the patches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from adaptoscope.errors import InputError

# Room to cut, turn and scale crops of up to 288 pixels.
PATCH = 288
_FAR = -1.0e6


@dataclass(frozen=True)
class PoolImage:
    """One image as the pool takes it.

    Parameters
    ----------
    pixels
        Shape (H, W), background near 0 and cells near 1.
    planes
        Further planes that are cropped along, shape (P, H, W), or none.
    points
        Cell centres, shape (N, 2), (row, column) in pixels.
    group
        Images of one group look alike; a group's share of the draws
        grows with the square root of its number of patches.
    diameter
        Typical diameter of the cells in pixels, or none if unknown.
    """

    pixels: NDArray[np.float32]
    planes: NDArray[np.float32] | None
    points: NDArray[np.float64]
    group: str
    diameter: float | None = None


@dataclass(frozen=True)
class CropWindows:
    """Where a batch of crops lies: patch, scale, orientation and centres.

    Parameters
    ----------
    patches
        Index of each crop's patch, shape (B,).
    scales
        Patch pixels per crop pixel, shape (B,).
    quarter_turns, flips
        Orientation of each crop, shape (B,).
    centres
        Crop centres in the patch, shape (B, 2), (row, column).
    """

    patches: NDArray[np.int64]
    scales: NDArray[np.float64]
    quarter_turns: NDArray[np.int64]
    flips: NDArray[np.bool_]
    centres: NDArray[np.float64]


class PatchPool:
    """Patches of 288 x 288 pixels with their planes and cell centres, on one device.

    Parameters
    ----------
    images
        The images; each is cut into patches that cover it, smaller ones are reflected outwards.
    planes
        Number of further planes; an image without them contributes zeros and `has_planes` false.
    device
        Where the patches are kept.
    """

    def __init__(self, images: Iterable[PoolImage], planes: int, device: torch.device) -> None:
        pixels: list[torch.Tensor] = []
        points: list[NDArray[np.float64]] = []
        has_planes: list[bool] = []
        groups: list[str] = []
        diameters: list[float] = []
        for image in images:
            for patch, centres in _patches_of(image, planes):
                pixels.append(torch.from_numpy(patch).half())
                points.append(centres)
                has_planes.append(image.planes is not None)
                groups.append(image.group)
                diameters.append(image.diameter or float("nan"))
        if not pixels:
            raise InputError(
                "There is no image to train on.",
                expected="at least one image of the training split",
                found="none",
                remedy="check the folder and its split.csv",
            )
        self.pixels = torch.stack(pixels).to(device)
        self.points = torch.from_numpy(_padded(points)).to(device)
        self.has_planes = torch.tensor(has_planes, device=device)
        self.diameters = np.array(diameters)
        self.probabilities = _even_over_groups(groups)

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self.pixels)

    def draw_windows(
        self,
        rng: np.random.Generator,
        batch: int,
        crop: int,
        *,
        scale_range: tuple[float, float] = (0.6, 1.8),
        unscaled_share: float = 0.5,
        diameter_range: tuple[float, float] | None = None,
    ) -> CropWindows:
        """Draw where a batch of crops lies.

        Parameters
        ----------
        batch, crop
            Number of crops, and their side in pixels.
        scale_range
            Patch pixels per crop pixel, drawn evenly in the logarithm.
        unscaled_share
            Share of the crops that are cut at scale 1 on whole pixels, so that their noise is
            untouched by interpolation.
        diameter_range
            If given, the scale is drawn so that the cells of the crop are so many pixels wide,
            evenly in the logarithm, as far as twice enlarged pixels and the patch allow; where
            the diameter is unknown, `scale_range` holds.
        """
        unscaled = rng.random(batch) < unscaled_share
        scales = np.exp(rng.uniform(np.log(scale_range[0]), np.log(scale_range[1]), batch))
        patches = rng.choice(len(self), size=batch, p=self.probabilities)
        if diameter_range is not None:
            narrowest, widest = np.log(diameter_range)
            wanted = np.exp(rng.uniform(narrowest, widest, batch))
            to_wanted = np.clip(self.diameters[patches] / wanted, 0.5, None)
            scales = np.where(np.isnan(to_wanted), scales, to_wanted)
        scales = np.where(unscaled, 1.0, np.minimum(scales, (PATCH - 2) / crop))
        windows = CropWindows(
            patches=patches,
            scales=scales,
            quarter_turns=rng.integers(0, 4, batch),
            flips=rng.random(batch) < 0.5,
            centres=np.zeros((batch, 2)),
        )
        return self.moved(windows, rng, crop)

    def moved(self, windows: CropWindows, rng: np.random.Generator, crop: int) -> CropWindows:
        """Return the same patches, scales and orientations at other places."""
        half = windows.scales[:, None] * crop / 2
        centres = rng.uniform(0.0, 1.0, windows.centres.shape) * (PATCH - 2 * half) + half - 0.5
        whole = np.round(centres - (crop - 1) / 2) + (crop - 1) / 2
        centres = np.where(windows.scales[:, None] == 1.0, whole, centres)
        return CropWindows(
            windows.patches, windows.scales, windows.quarter_turns, windows.flips, centres
        )

    def crops(self, windows: CropWindows, crop: int) -> torch.Tensor:
        """Return the crops, shape (B, 1 + P, crop, crop): the image, then its planes."""
        turn = torch.from_numpy(_rotations(windows)).to(self.pixels.device, torch.float32)
        offsets = torch.arange(crop, device=self.pixels.device) - (crop - 1) / 2
        rows, columns = torch.meshgrid(offsets, offsets, indexing="ij")
        grid = torch.stack([rows, columns], dim=-1).reshape(1, -1, 2)
        centres = torch.from_numpy(windows.centres).to(grid)
        places = grid @ turn.transpose(1, 2) + centres[:, None]
        normalised = (2 * places.flip(-1) + 1) / PATCH - 1
        patches = self.pixels[torch.from_numpy(windows.patches).to(self.pixels.device)].float()
        return functional.grid_sample(
            patches,
            normalised.reshape(-1, crop, crop, 2),
            mode="bilinear",
            padding_mode="reflection",
            align_corners=False,
        )

    def centres_in_crops(self, windows: CropWindows, crop: int) -> torch.Tensor:
        """Return cell centres in crop pixels, shape (B, N, 2); those outside lie far away."""
        chosen = self.points[torch.from_numpy(windows.patches).to(self.points.device)]
        turn = torch.from_numpy(np.linalg.inv(_rotations(windows))).to(chosen)
        centres = torch.from_numpy(windows.centres).to(chosen)
        places = (chosen - centres[:, None]) @ turn.transpose(1, 2) + (crop - 1) / 2
        inside = ((places >= -0.5) & (places < crop - 0.5)).all(-1, keepdim=True)
        return torch.where(inside, places, torch.full_like(places, _FAR))


def count_on_grid(centres: torch.Tensor, crop: int, stride: int) -> torch.Tensor:
    """Count centres in the squares of a grid.

    Parameters
    ----------
    centres
        Shape (B, N, 2), (row, column) in crop pixels; far-away ones are not counted.
    crop, stride
        Side of the crop and of a square, in pixels.

    Returns
    -------
    torch.Tensor
        Shape (B, 1, ceil(crop / stride), ceil(crop / stride)); sums to the crop's count.
    """
    side = -(-crop // stride)
    squares = torch.floor((centres + 0.5) / stride).long()
    inside = (squares >= 0).all(-1) & (squares < side).all(-1)
    flat = (squares[..., 0] * side + squares[..., 1]).clamp(0, side * side - 1)
    counts = torch.zeros(len(centres), side * side, device=centres.device)
    counts.scatter_add_(1, flat, inside.to(counts.dtype))
    return counts.reshape(-1, 1, side, side)


def _patches_of(
    image: PoolImage, planes: int
) -> Iterable[tuple[NDArray[np.float32], NDArray[np.float64]]]:
    height, width = image.pixels.shape
    extra = np.zeros((planes, height, width), np.float32) if image.planes is None else image.planes
    stack = np.concatenate([image.pixels[None], extra]).astype(np.float32)
    pad = [(0, 0)] + [(0, max(0, PATCH - side)) for side in (height, width)]
    stack = np.pad(stack, pad, mode="symmetric" if min(height, width) < PATCH else "edge")
    points = _reflected(image.points, height, width)
    for top in _starts(stack.shape[1]):
        for left in _starts(stack.shape[2]):
            moved = points - [top, left]
            inside = ((moved >= -0.5) & (moved < PATCH - 0.5)).all(axis=1)
            yield stack[:, top : top + PATCH, left : left + PATCH], moved[inside]


def _starts(side: int) -> Sequence[int]:
    count = -(-side // PATCH)
    return [round(i * (side - PATCH) / max(1, count - 1)) for i in range(count)]


def _reflected(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Add the mirror images of the points that symmetric padding makes."""
    for axis, side in enumerate((height, width)):
        copies = []
        for number in range(-(-PATCH // side)):
            copy = points.copy()
            turned = side - 1 - points[:, axis] if number % 2 else points[:, axis]
            copy[:, axis] = number * side + turned
            copies.append(copy)
        points = np.concatenate(copies)
    return points


def _padded(points: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
    longest = max(1, *(len(p) for p in points))
    padded = np.full((len(points), longest, 2), _FAR, np.float32)
    for row, centres in zip(padded, points, strict=True):
        row[: len(centres)] = centres
    return padded


def _even_over_groups(groups: Sequence[str]) -> NDArray[np.float64]:
    """Weigh patches so that a group's share grows with the square root of its size."""
    sizes = {group: groups.count(group) for group in set(groups)}
    weights = np.array([sizes[group] ** -0.5 for group in groups])
    return np.asarray(weights / weights.sum(), np.float64)


def _rotations(windows: CropWindows) -> NDArray[np.float64]:
    """Return the matrices that take crop offsets to patch offsets, shape (B, 2, 2)."""
    angle = windows.quarter_turns * (np.pi / 2)
    cosine, sine = np.round(np.cos(angle)), np.round(np.sin(angle))
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    mirror = np.where(windows.flips, -1.0, 1.0)
    turn[:, :, 1] *= mirror[:, None]
    return turn * windows.scales[:, None, None]
