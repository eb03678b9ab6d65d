from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.pair_writing import PairedStainWriter
from adaptoscope.datasets.paired_stains import PairedStainSet

SIDE = 64
"""Fields are smaller than a crop of 256 pixels, so that reflection is exercised too."""


def write_pairs(folder: Path, fields: int = 4, *, side: int = SIDE) -> PairedStainSet:
    """Write fields of bright squares whose stain is the square's inside and its outline."""
    writer = PairedStainWriter(folder, {"fields": fields, "side": side}, "Squares")
    rng = np.random.default_rng(5)
    for number in range(fields):
        inside = np.zeros((side, side), dtype=np.float32)
        for row, column in rng.integers(4, side - 16, (3, 2)):
            inside[row : row + 10, column : column + 10] = 1
        outline = inside - np.roll(inside, 1, axis=0)
        given = 0.4 + 0.3 * inside + 0.02 * rng.standard_normal(inside.shape).astype(np.float32)
        writer.add(
            f"field_{number}",
            given,
            {"body": 0.1 + 0.5 * inside, "edge": np.abs(outline) * 0.6},
            bit_depth=16,
            modality="phase",
            split=("train", "train", "val", "test")[number % 4],
        )
    return writer.finish("Invented.")


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> PairedStainSet:
    return write_pairs(tmp_path_factory.mktemp("squares") / "set")
