"""Batches of real and synthetic crops."""

import numpy as np
import pytest
import torch

from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.dacs import draw_dacs
from adaptoscope.counting.dual import draw_dual
from adaptoscope.counting.settings import RegressorSettings
from adaptoscope.imageio.intensity import IntensityRange

SIDE = 64
SETTINGS = RegressorSettings(
    init="random", regime="dacs", batch=8, crop=SIDE, augment="none", mix_share=1.0
)
PLACES = np.array([(row, column) for row in range(4, SIDE, 8) for column in range(4, SIDE, 8)])


def images_of(value, cells):
    """Return images of one grey value with cells at the first of `PLACES`."""
    pixels = [np.full((SIDE, SIDE), value, np.float32)] * 2
    points = [PLACES[:cells].astype(float)] * 2
    return TrainingImages(pixels, points, {}, IntensityRange(0.0, 1.0))


@pytest.fixture
def synthetic():
    return images_of(1.0, len(PLACES))


@pytest.fixture
def real():
    return images_of(0.0, 0)


def test_the_first_half_is_synthetic_and_the_second_real(synthetic, real):
    batch = draw_dual(SETTINGS, synthetic, real, step=3)

    assert batch.images.mean(dim=(1, 2, 3)).tolist() == [1.0] * 4 + [0.0] * 4
    assert batch.counts().tolist() == [float(len(PLACES))] * 4 + [0.0] * 4


def test_cells_of_a_mixture_are_those_of_its_synthetic_part(synthetic, real):
    corners = []
    for step in range(8):
        batch = draw_dacs(SETTINGS, synthetic, real, step)
        assert batch.counts()[:4].tolist() == [float(len(PLACES))] * 4
        for image, points in zip(batch.images[4:, 0], batch.points[4:], strict=True):
            shown = {tuple(place) for place in PLACES if image[tuple(place)] == 1.0}
            assert {tuple(place) for place in points.astype(int)} == shown
            if 0 < len(shown) < len(PLACES):
                corners.append(float(image[:: SIDE - 1, :: SIDE - 1].mean()))
    assert {0.0, 1.0} <= set(corners), "boxes of only one kind of image lie over the other"


def test_no_share_leaves_the_real_crops_as_they_are(synthetic, real):
    batch = draw_dacs(SETTINGS.changed(mix_share=0.0), synthetic, real, step=0)

    assert torch.equal(batch.images, draw_dual(SETTINGS, synthetic, real, step=0).images)
