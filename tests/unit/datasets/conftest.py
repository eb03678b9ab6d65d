import os
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.imageio.files import write_image, write_text

HEIGHT, WIDTH = 12, 16
"""Small, and not square so that exchanged axes are noticed."""


@pytest.fixture
def pixels():
    """Make an image of random intensities from a seed."""

    def make(seed=0):
        return np.random.default_rng(seed).random((HEIGHT, WIDTH)).astype(np.float32)

    return make


@pytest.fixture
def make_folder(tmp_path, pixels):
    """Write images and tables; ``split="..."`` becomes ``split.csv``."""

    def make(name="set", images=("a.png", "b.png"), **tables):
        folder = tmp_path / name
        for seed, image in enumerate(images):
            write_image(folder / "images" / image, pixels(seed))
        for table, text in tables.items():
            write_text(folder / f"{table}.csv", text)
        return folder

    return make


@pytest.fixture
def shared_data():
    """The collection of real images, where it is at hand."""
    place = os.environ.get("ADAPTOSCOPE_DATA")
    if not place or not Path(place).is_dir():
        pytest.skip("ADAPTOSCOPE_DATA does not name a folder with the data collection")
    return Path(place)
