import dataclasses

import numpy as np
import pytest
import torch

from adaptoscope.counting.crops import MARGIN, members_of_step
from adaptoscope.counting.settings import RegressorSettings
from adaptoscope.counting.training_images import read_training_images
from adaptoscope.images.cell_centres import inside_window

PLAIN = RegressorSettings(crop=64, augment="none")


@pytest.fixture
def images(real):
    return read_training_images(real.training_part(), PLAIN)


def test_batches_depend_on_seed_and_step_alone(images):
    changing = PLAIN.changed(augment="appearance", scale_jitter=1.3, seed=1)

    first = images.draw(changing, batch=4, step=7)
    again = images.draw(changing, batch=4, step=7)
    others = [
        images.draw(changing, batch=4, step=8),
        images.draw(changing, batch=4, step=7, stream=1),
        images.draw(changing.changed(seed=2), batch=4, step=7),
    ]

    assert torch.equal(first.images, again.images)
    assert all(np.array_equal(*pair) for pair in zip(first.points, again.points, strict=True))
    assert not any(torch.equal(first.images, other.images) for other in others)
    assert first.images.shape == (4, 1, 64, 64)


def test_turning_a_crop_leaves_its_cells_and_count(images):
    plain = images.draw(PLAIN, batch=6, step=0)
    turned = images.draw(PLAIN.changed(augment="flips"), batch=6, step=0)

    assert torch.equal(plain.counts(), turned.counts())
    assert not torch.equal(plain.images, turned.images)
    ordered = [batch.images.flatten(1).sort().values for batch in (plain, turned)]
    assert torch.allclose(*ordered)


def test_cells_stay_on_bright_pixels_whatever_is_done_to_a_crop(images):
    changing = PLAIN.changed(augment="flips", scale_jitter=1.4)

    batch = images.draw(changing, batch=24, step=0)

    for crop, points in zip(batch.images[:, 0].numpy(), batch.points, strict=True):
        inside = points[inside_window(points, 0, 0, 64, 64)]
        rows, columns = np.round(inside).astype(int).clip(0, 63).T
        assert (crop[rows, columns] > 0.5).all()
    assert sum(len(points) for points in batch.points) > 50


def test_cells_just_outside_a_crop_are_listed_but_not_counted(images):
    batch = images.draw(PLAIN, batch=24, step=0)

    listed = np.concatenate(batch.points)
    outside = ~inside_window(listed, 0, 0, 64, 64)

    assert outside.any()
    assert inside_window(listed, -MARGIN, -MARGIN, 64 + 2 * MARGIN, 64 + 2 * MARGIN).all()
    assert float(batch.counts().sum()) == (~outside).sum()


def test_brightness_of_a_crop_follows_its_count(images):
    batch = images.draw(PLAIN, batch=64, step=0)
    crops, counts = batch.images, batch.counts()
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


def test_an_image_smaller_than_a_crop_may_be_reflected(real):
    settings = PLAIN.changed(crop=200, pad="reflect", normalisation="set")
    images = read_training_images(real, settings)

    batch = images.draw(settings, batch=14, step=0)

    assert batch.images.shape == (14, 1, 200, 200)
    assert batch.counts().sum() > sum(len(points) for points in images.points)


def test_images_may_give_unequal_shares_of_the_crops(images):
    bright = dataclasses.replace(images, shares=np.array([0, 0, 0, 0, 0, 1.0]))

    batch = bright.draw(PLAIN, batch=24, step=0)

    assert float(batch.counts().mean()) == pytest.approx(40 / 4, rel=0.2)
