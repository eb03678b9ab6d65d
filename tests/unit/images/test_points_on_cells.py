import numpy as np
import pytest

from adaptoscope.images.points_on_cells import (
    MarkedImage,
    cell_levels,
    clear_blobs,
    mean_ranks,
    shows_structure,
)


def discs(shape, centres, diameter, height=0.5):
    rows, columns = np.indices(shape)
    pixels = np.full(shape, 0.1)
    for row, column in centres:
        pixels[(rows - row) ** 2 + (columns - column) ** 2 <= diameter**2 / 4] += height
    return pixels.astype(np.float32)


CENTRES = np.array([(r, c) for r in (20.0, 60.0, 100.0) for c in (24.0, 64.0, 104.0, 144.0)])
SHAPE = (128, 168)


@pytest.mark.parametrize(("diameter", "level"), [(5, 0), (10, 1), (20, 2), (32, 3)])
def test_points_on_cells_have_the_highest_rank_at_the_size_of_the_cells(diameter, level):
    levels = cell_levels(discs(SHAPE, CENTRES, diameter))
    image = MarkedImage("a", SHAPE, CENTRES, levels)
    ranks = mean_ranks([image], [CENTRES])
    assert abs(int(ranks.argmax()) - level) <= 1
    assert ranks.max() > 0.45


def test_dark_cells_have_the_lowest_rank():
    image = MarkedImage("a", SHAPE, CENTRES, cell_levels(-discs(SHAPE, CENTRES, 12)))
    assert mean_ranks([image], [CENTRES]).min() < -0.45


def test_random_places_have_a_rank_of_zero_in_the_mean():
    generator = np.random.default_rng(0)
    pixels = discs(SHAPE, CENTRES, 12) + generator.normal(0, 0.02, SHAPE)
    places = generator.uniform(0, 1, (4000, 2)) * SHAPE - 0.5
    image = MarkedImage("a", SHAPE, places, cell_levels(pixels))
    np.testing.assert_allclose(mean_ranks([image], [places]), 0, atol=0.025)


def test_ranks_of_constant_images_and_outside_are_those_of_chance():
    (level, *_) = cell_levels(np.full((32, 32), 0.3))
    assert level.ranks(np.array([[5.0, 5.0]])).tolist() == [0.0]
    (level, *_) = cell_levels(discs((32, 32), [(16, 16)], 8))
    assert level.ranks(np.array([[-1.0, 5.0], [5.0, 31.6]])).tolist() == [0.0, 0.0]
    assert level.ranks(np.array([[16.0, 16.0]]))[0] > 0.4


def test_one_level_alone_is_the_same_as_among_all():
    pixels = discs(SHAPE, CENTRES, 12)
    (alone,) = cell_levels(pixels, only=2)
    np.testing.assert_array_equal(alone.response, cell_levels(pixels)[2].response)
    assert alone.step == 4
    assert len(cell_levels(np.zeros((16, 400)))) == 1
    assert cell_levels(np.zeros((16, 400)), only=3) == ()


def test_only_blobs_that_are_clear_enough_are_counted():
    pixels = discs(SHAPE, CENTRES[:8], 10) + discs(SHAPE, CENTRES[8:], 10, height=0.2)
    level = cell_levels(pixels)[1]
    contrast = float(np.median(level.at(CENTRES[:8])[0]))
    assert clear_blobs(level, 1, 0.7 * contrast) == 8
    assert clear_blobs(level, 1, 0.3 * contrast) == 12
    (dark,) = cell_levels(-pixels, only=1)
    assert clear_blobs(dark, -1, 0.7 * contrast) == 8


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_noise_and_constant_images_show_nothing_and_cells_do(noise):
    ground = np.random.default_rng(0).normal(0, noise, SHAPE)
    assert not shows_structure(cell_levels(ground))
    assert shows_structure(cell_levels(ground + discs(SHAPE, CENTRES, 12)))
