import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.images.misplaced_points import explain_points
from adaptoscope.images.points_on_cells import MarkedImage, cell_levels

SHAPE = (120, 160)
ROW, COLUMN = np.indices(SHAPE)


def field(seed, cells=25, diameter=8, sign=1, pixel_size_um=None):
    """Draw round cells anywhere, some touching, on noise; points are their centres."""
    generator = np.random.default_rng(seed)
    centres = generator.uniform(0, 1, (cells, 2)) * (np.array(SHAPE) - 8) + 4
    pixels = generator.normal(0.2, 0.02, SHAPE)
    for row, column in centres:
        near = np.exp(-((ROW - row) ** 2 + (COLUMN - column) ** 2) / (diameter / 2.5) ** 2)
        pixels += sign * generator.uniform(0.2, 0.5) * near
    levels = cell_levels(pixels)
    return MarkedImage(f"f{seed}.tif", SHAPE, centres, levels, pixel_size_um)


FIELDS = [field(seed) for seed in range(6)]


def moved(move, fields=FIELDS):
    return [dataclasses.replace(each, points=move(each.points)) for each in fields]


def test_right_points_need_no_explanation():
    assert explain_points(FIELDS) is None
    assert explain_points([field(seed, sign=-1) for seed in range(4)]) is None
    assert explain_points([]) is None


def test_points_that_are_a_little_beside_need_no_explanation():
    generator = np.random.default_rng(0)
    assert explain_points(moved(lambda p: p + generator.normal(0, 1.5, p.shape))) is None
    assert explain_points(moved(lambda p: p + np.array([2, -1]))) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_bright_and_dark_cells_tell_the_same(sign):
    fields = [field(seed, sign=sign) for seed in range(4)]
    explanation = explain_points(moved(lambda p: p[:, ::-1], fields))
    assert explanation.said == "with x and y exchanged"
    assert abs(explanation.as_read) < 0.15
    assert explanation.explained > 0.35


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (lambda p: p * [-1, 1] + [119, 0], "with y counted from below"),
        (lambda p: p * [1, -1] + [0, 159], "with x counted from the right"),
        (lambda p: [119, 159] - p, "with y counted from below and x counted from the right"),
    ],
)
def test_turned_axes_are_told(move, said):
    assert explain_points(moved(move)).said == said


@settings(max_examples=10, deadline=None)
@given(st.floats(0.12, 6).filter(lambda factor: abs(factor - 1) > 0.2))
def test_any_other_scale_is_told(factor):
    explanation = explain_points(moved(lambda p: (p + 0.5) * factor - 0.5))
    done, by = explanation.said.split(" by ")
    back = float(by) if done == "multiplied" else 1 / float(by)
    # A plain factor of two is said where it fits nearly as well: up to 3 % beside it.
    assert back * factor == pytest.approx(1, rel=0.03 if by == "2" else 0.02)


@settings(max_examples=10, deadline=None)
@given(st.integers(-25, 25), st.integers(-25, 25))
def test_any_shift_by_more_than_a_cell_is_told(row, column):
    explanation = explain_points(moved(lambda p: p + np.array([row, column])))
    if np.hypot(row, column) < 8:
        assert explanation is None or "moved" in explanation.said
        return
    x, y = (int(word) for word in explanation.said.split() if word[0] in "+-")
    assert np.hypot(x + column, y + row) <= 4


def test_each_image_has_its_own_pixel_size():
    fields = [field(seed, pixel_size_um=0.3 + 0.1 * seed) for seed in range(4)]
    fields = [dataclasses.replace(f, points=f.points * f.pixel_size_um) for f in fields]
    explanation = explain_points(fields)
    assert explanation.said == "divided by the pixel size of each file in um"
    assert "ImageJ" in explanation.remedy


def test_points_of_other_images_are_told_with_three_names():
    order = [1, 2, 3, 4, 5, 0]
    fields = [
        dataclasses.replace(each, points=FIELDS[other].points)
        for each, other in zip(FIELDS, order, strict=True)
    ]
    said = explain_points(fields).said
    assert "those of f0.tif to f1.tif" in said
    assert said.endswith("and 3 more)")


@pytest.mark.parametrize("seed", range(5))
def test_a_handful_of_random_points_is_not_explained(seed):
    generator = np.random.default_rng(seed)
    few = [dataclasses.replace(f, points=generator.uniform(4, 115, (1, 2))) for f in FIELDS]
    assert explain_points(few) is None


def test_few_points_and_random_ones_are_not_explained():
    generator = np.random.default_rng(0)
    few = [dataclasses.replace(each, points=each.points[:1, ::-1]) for each in FIELDS]
    assert explain_points(few) is None
    assert explain_points(moved(lambda p: generator.uniform(4, 115, p.shape))) is None


def test_images_without_contrast_explain_nothing():
    flat = [dataclasses.replace(each, levels=cell_levels(np.full(SHAPE, 0.2))) for each in FIELDS]
    assert explain_points(flat) is None
