import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaptoscope.counting.cutmix import draw_box, paste
from adaptoscope.images.windows import Window

SIDE = 16
# Halves and quarters of pixels: many centres fall on the edge of a box exactly.
CENTRES = st.integers(0, 12).flatmap(
    lambda n: arrays(
        np.float64, (n, 2), elements=st.integers(-2, 4 * SIDE - 3).map(lambda i: i / 4)
    )
)
EDGES = st.tuples(*[st.integers(0, SIDE)] * 4).map(
    lambda e: Window(min(e[0], e[2]), min(e[1], e[3]), abs(e[2] - e[0]), abs(e[3] - e[1]))
)


@given(CENTRES, EDGES)
def test_every_cell_is_either_inside_or_outside_the_box(points, box):
    blank = torch.zeros(1, SIDE, SIDE)
    nothing = np.zeros((0, 2))

    _, outside = paste((blank, points), (blank, nothing), box)
    _, inside = paste((blank, nothing), (blank, points), box)

    assert len(inside) + len(outside) == len(points)
    assert sorted(map(tuple, np.concatenate([inside, outside]))) == sorted(map(tuple, points))


@given(CENTRES, CENTRES, EDGES)
def test_the_mixed_image_shows_each_listed_cell_and_no_other(below, above, box):
    """Each centre is drawn as one unit of light in its pixel; the light must equal the list."""
    image, other = _lights(below), _lights(above)

    mixed, points = paste((image, below), (other, above), box)

    assert torch.equal(mixed, _lights(points))


def test_neither_image_is_changed():
    image, other = torch.zeros(1, 4, 4), torch.ones(1, 4, 4)

    mixed, _ = paste((image, np.zeros((0, 2))), (other, np.zeros((0, 2))), Window(1, 1, 2, 2))

    assert float(mixed.sum()) == 4.0
    assert float(image.sum()) == 0.0
    assert float(other.sum()) == 16.0


def test_boxes_lie_in_the_image_and_follow_the_rule_of_cutmix():
    generator = np.random.default_rng(0)
    boxes = [draw_box(200, 100, 1.0, generator) for _ in range(4000)]
    heights = np.array([box.height for box in boxes])
    widths = np.array([box.width for box in boxes])

    assert all(0 <= box.top <= box.top + box.height <= 200 for box in boxes)
    assert all(0 <= box.left <= box.left + box.width <= 100 for box in boxes)
    # Independent computation: E[clipped side] for side s of 1 and a middle even over it is
    # s - s^2 / 4; s = sqrt(u), u even: 2/3 - 1/8.
    assert heights.mean() / 200 == pytest.approx(2 / 3 - 1 / 8, abs=0.015)
    assert widths.mean() / 100 == pytest.approx(2 / 3 - 1 / 8, abs=0.015)


def _lights(points):
    image = np.zeros((1, SIDE, SIDE))
    for row, column in np.floor(points + 0.5).astype(int):
        image[0, row, column] += 1.0
    return torch.from_numpy(image)
