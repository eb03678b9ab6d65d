"""Sets of images and altered copies of them: each test knows what differs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.inference.network import Network

Change = Callable[[np.ndarray], np.ndarray]

# Two tiles of 64 pixels each way, and cells large enough to be rescaled to half.
SIDE, DIAMETER, IMAGES = 144, 16.0, 6


def draw(seed: int, cells: int = 14) -> tuple[np.ndarray, np.ndarray]:
    """Draw cells with soft borders on a noisy ground; return pixels and centres."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = np.full((SIDE, SIDE), 0.06)
    grid = [(row, column) for row in range(14, SIDE - 8, 24) for column in range(14, SIDE - 8, 24)]
    chosen = np.array(grid, dtype=float)[generator.permutation(len(grid))[:cells]]
    centres = chosen + generator.uniform(-2, 2, chosen.shape)
    for row, column in centres:
        distance = np.hypot(rows - row, columns - column)
        height = generator.uniform(0.25, 0.35)
        image = np.maximum(image, 0.06 + height / (1 + np.exp((distance - DIAMETER / 2) / 0.7)))
    return image + generator.normal(0, 0.006, image.shape), centres


def write(
    folder: Path, change: Change | None = None, *, cells: int = 14, marked: bool = True
) -> CountedImageSet:
    points = ["image,x,y"]
    for seed in range(IMAGES):
        pixels, centres = draw(seed, cells)
        changed = pixels if change is None else change(pixels)
        name = f"field_{seed}.tif"
        write_image(folder / "images" / name, np.clip(changed, 0, 1).astype(np.float32))
        points += [f"{name},{column},{row}" for row, column in centres]
    if marked:
        write_text(folder / "points.csv", "\n".join(points) + "\n")
    return open_counted_images(folder)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    return write(tmp_path_factory.mktemp("original"))


@pytest.fixture(name="write")
def write_fixture() -> Callable[..., CountedImageSet]:
    return write


def texture(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a few moments and slopes of images (B, 1, H, W) as their features."""
    slopes = [np.abs(np.diff(images, axis=axis)) for axis in (2, 3)]
    numbers = [images.mean((2, 3)), images.std((2, 3)), *(each.mean((2, 3)) for each in slopes)]
    return np.concatenate(numbers, axis=1)


@pytest.fixture
def encoder() -> Network:
    return texture
