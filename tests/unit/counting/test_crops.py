import numpy as np
import pytest
import torch

from adaptoscope.counting.crops import (
    common_pixel_size,
    members_of_step,
    read_training_images,
)
from adaptoscope.errors import InputError


@pytest.fixture
def images(real):
    return read_training_images(real.training_part(), crop=64, pad="refuse", normalisation="image")


def test_only_the_training_split_is_read(images):
    assert sorted(images.hashes) == [f"images/train{n}.png" for n in range(6)]
    assert images.diameter_px == pytest.approx(10, rel=0.15)


def test_batches_depend_on_seed_and_step_alone(images):
    draw = {"crop": 64, "batch": 4, "augment": "appearance"}

    crops, counts = images.draw(seed=1, step=7, **draw)
    again, same = images.draw(seed=1, step=7, **draw)
    other, _ = images.draw(seed=1, step=8, **draw)

    assert torch.equal(crops, again)
    assert torch.equal(counts, same)
    assert not torch.equal(crops, other)
    assert crops.shape == (4, 1, 64, 64)


def test_turning_a_crop_leaves_its_cells_and_count(images):
    plain, counts = images.draw(crop=64, batch=6, seed=0, step=0)
    turned, same = images.draw(crop=64, batch=6, seed=0, step=0, augment="flips")

    assert torch.equal(counts, same)
    assert not torch.equal(plain, turned)
    assert torch.allclose(plain.flatten(1).sort().values, turned.flatten(1).sort().values)


def test_brightness_of_a_crop_follows_its_count(images):
    crops, counts = images.draw(crop=64, batch=64, seed=0, step=0)
    filled = [index for index in range(64) if counts[index] > 0]

    brightness = crops.mean(dim=(1, 2, 3))[filled].numpy()

    assert np.corrcoef(brightness, counts[filled].numpy())[0, 1] > 0.9


def test_every_image_is_cropped_once_per_epoch():
    drawn = np.concatenate([members_of_step(6, 4, 0, step) for step in range(6)])

    assert all(sorted(drawn[start : start + 6]) == list(range(6)) for start in range(0, 24, 6))
    assert drawn[:6].tolist() != drawn[6:12].tolist()


def test_count_statistics_are_those_of_crops(images):
    mean, sd = images.count_statistics(64, seed=0)

    assert mean == pytest.approx(np.mean([0, 5, 10, 20, 30, 40]) / 4, rel=0.1)
    assert sd > 1


def test_an_image_smaller_than_a_crop_is_refused_with_a_remedy(real):
    with pytest.raises(InputError, match="set crop to 128"):
        read_training_images(real, crop=200, pad="refuse", normalisation="image")


def test_an_image_smaller_than_a_crop_may_be_reflected(real):
    images = read_training_images(real, crop=200, pad="reflect", normalisation="set")

    crops, counts = images.draw(crop=200, batch=14, seed=0, step=0)

    assert crops.shape == (14, 1, 200, 200)
    assert counts.sum() > sum(len(points) for points in images.points)


def test_images_without_labels_are_refused(real):
    import dataclasses

    bare = real.with_records(dataclasses.replace(r, labelled=False) for r in real)

    with pytest.raises(InputError, match="unlabelled"):
        read_training_images(bare, crop=64, pad="refuse", normalisation="image")


def test_pixel_sizes_that_differ_are_no_common_one():
    assert common_pixel_size([0.5, 0.5]) == 0.5
    assert common_pixel_size([0.5, None]) is None
