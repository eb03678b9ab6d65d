from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.imitation import (
    common_pixel_size,
    images_to_imitate,
    refuse_mixed_depths,
)
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, LeakageError


def write_set(folder: Path, splits: str, depths: str = "8") -> CountedImageSet:
    """One flat image per word; its grey is its number, so that no two are alike."""
    writer = CountedImageWriter(folder, {}, "flat")
    listed = depths.split() * len(splits.split())
    for index, split in enumerate(splits.split()):
        pixels = np.full((16, 16), (index + 1) / 255)
        writer.add(f"f{index}", pixels, bit_depth=int(listed[index]), points=None, split=split)
    return writer.finish("flat")


def names(images: CountedImageSet, most: int) -> list[str]:
    read = images_to_imitate(images, most_images=most, purpose="test")
    return [image.name for image in read]


def test_training_images_are_taken_evenly(tmp_path: Path) -> None:
    images = write_set(tmp_path, "train train val train train test train")
    assert names(images, 3) == ["f0.png", "f3.png", "f6.png"]
    assert len(names(images, 100)) == 5


def test_images_kept_back_elsewhere_are_refused_whether_read_or_not(tmp_path: Path) -> None:
    images = write_set(tmp_path / "free", "train train train")
    kept = write_set(tmp_path / "kept", "val test val")
    with pytest.raises(LeakageError, match="to be used to test"):
        images_to_imitate(images, most_images=1, held_out=[kept], purpose="test")


def test_mixed_bit_depths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bit depths"):
        names(write_set(tmp_path, "train train", "8 16"), 2)
    refuse_mixed_depths({16})


def test_a_pixel_size_is_common_only_if_all_state_it() -> None:
    assert common_pixel_size([0.5, 0.5]) == 0.5
    assert common_pixel_size([0.5, None]) is None
    assert common_pixel_size([None, None]) is None
