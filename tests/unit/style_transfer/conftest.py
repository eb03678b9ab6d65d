from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.settings import CompactSettings

# 64 is the smallest style image and 32 the backbone's multiple; 72 x 80 is neither.
SIDE = 64
ODD_SHAPE = (72, 80)

TINY = CompactSettings(
    latent_channels=4,
    autoencoder_widths=(8, 8, 8),
    denoiser_widths=(8, 16, 16),
    style_widths=(8, 8),
    style_tokens=2,
    token_width=16,
)


@pytest.fixture(scope="session")
def backbone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random backbone of the real classes, saved."""
    folder = tmp_path_factory.mktemp("backbone")
    torch.manual_seed(0)
    CompactBackbone(TINY).save(folder)
    return folder


@pytest.fixture(scope="session")
def backbone(backbone_folder: Path) -> CompactBackbone:
    return CompactBackbone.load(backbone_folder)


def draw_discs(
    shape: tuple[int, int], centres: np.ndarray, radius: float = 5.0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw bright discs; return pixels in [0, 1] and the label image."""
    rows, columns = np.indices(shape)
    mask = np.zeros(shape, np.uint16)
    for number, (row, column) in enumerate(centres, start=1):
        mask[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = number
    return np.where(mask > 0, 0.7, 0.1).astype(np.float32), mask


def write_set(
    folder: Path, count: int, shape: tuple[int, int] = (SIDE, SIDE), splits: str = "", seed: int = 0
) -> CountedImageSet:
    """Write a small counted-image folder with noise on discs; splits is one word per image."""
    words = splits.split() or [None] * count
    writer = CountedImageWriter(folder, {"count": count, "seed": seed}, "Discs")
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        centres = rng.uniform(8, min(shape) - 8, (3 + index % 3, 2))
        pixels, mask = draw_discs(shape, centres)
        noisy = np.clip(pixels + rng.normal(0, 0.03, shape), 0, 1).astype(np.float32)
        writer.add(
            f"field_{index:02d}",
            noisy,
            points=centres,
            mask=mask,
            cell_diameter_px=10.0,
            split=words[index],
        )
    return writer.finish("Made for a test.")
