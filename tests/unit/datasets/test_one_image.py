import pickle
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.one_image import only_image
from adaptoscope.errors import InputError
from tests.unit.style_transfer.conftest import write_set


def test_one_image_is_as_it_was_in_the_set_and_small(tmp_path: Path) -> None:
    images = write_set(tmp_path / "set", 20)
    record = images.records[7]
    alone = only_image(images, record)
    assert alone.records == (record,)
    np.testing.assert_array_equal(alone.points(record), images.points(record))
    np.testing.assert_array_equal(alone.read(record).pixels, images.read(record).pixels)
    np.testing.assert_array_equal(alone.mask(record), images.mask(record))
    assert len(pickle.dumps(alone)) < len(pickle.dumps(images)) / 4


def test_an_image_without_points_has_none_alone(tmp_path: Path) -> None:
    images = write_set(tmp_path / "set", 1)
    (tmp_path / "set" / "points.csv").unlink()
    (tmp_path / "set" / "metadata.csv").unlink()
    unlabelled = open_counted_images(images.folder)
    alone = only_image(unlabelled, unlabelled.records[0])
    with pytest.raises(InputError, match="not marked"):
        alone.points(alone.records[0])
