import numpy as np
import pytest

from adaptoscope.synthesis.ellipses import (
    Ellipses,
    count_true,
    cover,
    disc_offsets,
    largest_pixel_number,
)

SHAPE = (40, 50)
REACH = 9


def random_ellipses(number: int) -> Ellipses:
    rng = np.random.default_rng(0)
    return Ellipses(
        rng.uniform(-0.5, SHAPE[0] - 0.5, number),
        rng.uniform(-0.5, SHAPE[1] - 0.5, number),
        rng.uniform(6, 9, number),
        rng.uniform(6, 9, number),
        rng.uniform(0, np.pi, number),
    )


def full_frame(ellipses: Ellipses, index: int) -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    down, right = rows - ellipses.rows[index], columns - ellipses.columns[index]
    cosine, sine = np.cos(ellipses.angles[index]), np.sin(ellipses.angles[index])
    along = (cosine * right + sine * down) / ellipses.first_axes[index]
    across = (cosine * down - sine * right) / ellipses.second_axes[index]
    return along**2 + across**2 <= 1


def test_boxes_hold_the_same_pixels_as_full_frames():
    ellipses = random_ellipses(200)
    covered, places = cover(ellipses, REACH, SHAPE, REACH)
    for index in range(200):
        canvas = np.zeros((SHAPE[0] + 2 * REACH, SHAPE[1] + 2 * REACH), dtype=bool)
        canvas.ravel()[places[index][covered[index]]] = True
        expected = full_frame(ellipses, index)
        assert np.array_equal(canvas[REACH:-REACH, REACH:-REACH], expected)
        assert canvas.sum() == expected.sum()


def test_bounds_on_the_pixels_hold():
    ellipses = random_ellipses(500)
    covered, _ = cover(ellipses, REACH, (10_000, 10_000), REACH)
    areas = count_true(covered)
    assert np.all(areas <= largest_pixel_number(ellipses.first_axes, ellipses.second_axes))


def test_the_sure_core_is_always_covered():
    ellipses = random_ellipses(300)
    core = disc_offsets(6.0)
    for index in range(300):
        rows = np.floor(ellipses.rows[index] + 0.5) + core[:, 0]
        columns = np.floor(ellipses.columns[index] + 0.5) + core[:, 1]
        distance = np.hypot(rows - ellipses.rows[index], columns - ellipses.columns[index])
        assert distance.max() <= 6.0
    assert len(core) > 60
    assert len(disc_offsets(0.5)) == 0


@pytest.mark.parametrize("shape", [(3, 17), (5, 8), (0, 9)])
def test_count_true(shape):
    rows = np.random.default_rng(0).random(shape) < 0.4
    assert count_true(rows).tolist() == rows.sum(axis=1).tolist()
