import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import inside_window
from adaptoscope.reporting.marked_image import Box, Mark, close_up, fullest_box, overview

SHAPE = (60, 80)
POINTS = st.integers(1, 30).flatmap(
    lambda n: arrays(np.float64, (n, 2), elements=st.floats(-0.5, 59.4))
)
FLAT = np.zeros((300, 400), np.float32)


def shown(picture) -> np.ndarray:
    return imagecodecs.png_decode(picture.content).astype(int)


def coloured(screen: np.ndarray) -> np.ndarray:
    """Return the rows and columns that are not grey, shape (N, 2)."""
    return np.argwhere(screen.max(axis=2) != screen.min(axis=2))


@given(POINTS, st.integers(5, 100))
def test_the_fullest_square_lies_inside_and_holds_most_of_those_around_a_point(points, side):
    box = fullest_box(points, SHAPE, side)

    def held(box: Box) -> int:
        return int(inside_window(points, *box).sum())

    assert 0 <= box.top <= SHAPE[0] - box.height
    assert 0 <= box.left <= SHAPE[1] - box.width
    assert (box.height, box.width) == (min(side, 60), min(side, 80))
    for row, column in points:
        top = int(np.clip(np.rint(row - box.height / 2), 0, SHAPE[0] - box.height))
        left = int(np.clip(np.rint(column - box.width / 2), 0, SHAPE[1] - box.width))
        assert held(box) >= held(Box(top, left, box.height, box.width))


def test_without_points_the_middle_is_shown():
    assert fullest_box(np.empty((0, 2)), SHAPE, 20) == (20, 30, 20, 20)


def test_many_points_do_not_need_much_memory():
    points = np.random.default_rng(0).uniform(0, 59, (20_000, 2))

    assert fullest_box(points, SHAPE, 20).height == 20


def test_an_overview_fits_the_screen_and_frames_the_part():
    picture = overview(np.zeros((600, 800)), Box(100, 200, 160, 160), alt="field")

    screen = shown(picture)
    places = coloured(screen)
    assert screen.shape == (300, 400, 3)
    assert places.min(axis=0).tolist() == [50, 100]
    assert places.max(axis=0).tolist() == [129, 179]


def test_a_part_that_is_the_whole_image_needs_no_frame():
    assert not len(coloured(shown(overview(FLAT, Box(0, 0, 300, 400), alt="field"))))


def test_rings_and_crosses_stand_around_their_places_enlarged():
    box = Box(100, 100, 128, 128)  # four times as large on the screen
    ring = shown(close_up(FLAT, box, [Mark(150, 180, 10, "lost")], alt="part"))
    cross = shown(close_up(FLAT, box, [Mark(150, 180, 10, "invented")], alt="part"))
    dot = shown(close_up(FLAT, box, [Mark(150, 180, 10, "found")], alt="part"))

    middle = np.array([(150 - 100 + 0.5) * 4, (180 - 100 + 0.5) * 4])
    distances = np.linalg.norm(coloured(ring) + 0.5 - middle, axis=1)
    assert ring.shape == (512, 512, 3)
    assert distances.min() > 37
    assert distances.max() < 43
    for screen, reach in ((cross, 8), (dot, 4)):
        places = coloured(screen)
        assert np.linalg.norm(places + 0.5 - middle, axis=1).max() < reach
        assert np.abs(places.mean(axis=0) + 0.5 - middle).max() < 1


def test_kinds_have_different_colours():
    box = Box(0, 0, 300, 400)
    colours = {
        kind: tuple(screen[tuple(coloured(screen)[0])])
        for kind in ("matched", "lost", "invented")
        for screen in [shown(close_up(FLAT, box, [Mark(150, 180, 10, kind)], alt="part"))]
    }
    assert len(set(colours.values())) == 3


def test_marks_outside_the_part_are_left_out():
    marks = [Mark(5, 5, 4, "lost"), Mark(290, 390, 4, "invented")]

    assert not len(coloured(shown(close_up(FLAT, Box(100, 100, 50, 50), marks, alt="part"))))


def test_the_part_is_stretched_as_the_whole_image():
    ramp = np.tile(np.linspace(0, 1, 400), (300, 1))

    part = shown(close_up(ramp, Box(0, 0, 100, 100), alt="dark end"))

    assert part.max() < 70


def test_a_colour_image_is_refused():
    with pytest.raises(InputError, match="cannot be shown"):
        overview(np.zeros((8, 8, 3)), Box(0, 0, 8, 8), alt="colour")
