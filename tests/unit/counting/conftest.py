from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.networks.nuclei_encoder import FEATURES

# Two crops of 64 pixels high and wide: windows have to be summed, and training stays quick.
SIDE = 128
DOT = 5.0


def draw_field(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw bright discs of 10 pixels that do not touch, and return their centres (row, column)."""
    generator = np.random.default_rng(seed)
    places = [(r, c) for r in range(8, SIDE, 16) for c in range(8, SIDE, 16)]
    points = np.array(places, dtype=float)[generator.permutation(len(places))[:count]]
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = generator.normal(0.1, 0.01, (SIDE, SIDE))
    for row, column in points:
        image += 0.5 / (1 + np.exp(np.hypot(rows - row, columns - column) - DOT))
    return np.clip(image, 0, 1).astype(np.float32), points.reshape(-1, 2)


def write_fields(folder: Path, fields: dict[str, tuple[int, str]], seed: int = 0) -> Path:
    """Write a counted folder: from file stem to number of cells and split."""
    splits, points = ["image,split"], ["image,x,y"]
    for number, (stem, (count, split)) in enumerate(fields.items()):
        pixels, centres = draw_field(count, seed + number)
        write_image(folder / "images" / f"{stem}.png", pixels)
        splits.append(f"{stem}.png,{split}")
        points += [f"{stem}.png,{column},{row}" for row, column in centres]
    write_text(folder / "split.csv", "\n".join(splits) + "\n")
    write_text(folder / "points.csv", "\n".join(points) + "\n")
    return folder


@pytest.fixture(name="draw_field")
def draw_field_fixture():
    return draw_field


@pytest.fixture(scope="session")
def real_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"train": (0, 5, 10, 20, 30, 40), "val": (3, 8, 15, 25, 35), "test": (4, 12, 28)}
    fields = {
        f"{split}{number}": (count, split)
        for split, numbers in counts.items()
        for number, count in enumerate(numbers)
    }
    return write_fields(tmp_path_factory.mktemp("real"), fields)


@pytest.fixture
def real(real_folder: Path) -> CountedImageSet:
    return open_counted_images(real_folder)


@pytest.fixture(scope="session")
def synthetic_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fields = {f"drawn{number}": (10 * number, "train") for number in range(6)}
    return write_fields(tmp_path_factory.mktemp("synthetic"), fields, seed=100)


class TinyEncoder(torch.nn.Module):
    """One strided layer in place of EfficientNet-B0, with as many features."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(1, FEATURES, 8, stride=8)
        torch.nn.init.normal_(self.layer.weight, std=0.1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layer(images))


@pytest.fixture
def tiny_encoder(monkeypatch: pytest.MonkeyPatch) -> type[TinyEncoder]:
    monkeypatch.setattr("adaptoscope.pretrained.encoders.load_encoder", lambda init: TinyEncoder())
    return TinyEncoder
