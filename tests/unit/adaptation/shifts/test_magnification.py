import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import rescale

from adaptoscope.adaptation.shifts.magnification import magnify, magnify_labels, magnify_points
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import centres_of_labels, no_points

FACTORS = (0.5, 0.67, 0.8, 1.25, 1.5, 1.75, 2.0)
HEIGHT, WIDTH = 9, 14


def pixels(shape=(HEIGHT, WIDTH), seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def place_before(place, side, factor):
    return (place - (side - 1) / 2) / factor + (side - 1) / 2


def mirror(place, side):
    return -1 - place if place < 0 else 2 * side - 1 - place if place >= side else place


def disc(shape, centre, radius):
    rows, columns = np.indices(shape)
    distance = np.hypot(rows - centre[0], columns - centre[1])
    return np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)


@pytest.mark.parametrize("factor", [1.25, 1.5, 2.0, 4.0])
def test_enlarging_is_a_loop_over_pixels_written_out(factor):
    image = pixels()
    expected = np.zeros((HEIGHT, WIDTH))
    for r, c in np.ndindex(HEIGHT, WIDTH):
        row, column = place_before(r, HEIGHT, factor), place_before(c, WIDTH, factor)
        top, left = int(np.floor(row)), int(np.floor(column))
        down, right = row - top, column - left
        below, beside = min(top + 1, HEIGHT - 1), min(left + 1, WIDTH - 1)
        expected[r, c] = (1 - down) * (
            (1 - right) * image[top, left] + right * image[top, beside]
        ) + down * ((1 - right) * image[below, left] + right * image[below, beside])
    np.testing.assert_allclose(magnify(image, factor), expected, atol=1e-5)


def test_the_middle_of_a_doubled_image_is_that_of_skimage():
    image = pixels((16, 24))
    theirs = rescale(image[4:12, 6:18], 2, order=1, anti_aliasing=False)
    np.testing.assert_allclose(magnify(image, 2)[1:-1, 1:-1], theirs[1:-1, 1:-1], atol=1e-5)


def test_the_middle_of_a_halved_image_is_that_of_skimage():
    image = pixels((32, 48))
    theirs = rescale(image, 0.5, order=1, anti_aliasing=True, mode="symmetric")
    np.testing.assert_allclose(magnify(image, 0.5)[8:24, 12:36], theirs, atol=1e-5)


@pytest.mark.parametrize("factor", [0.5, 0.67, 0.9])
def test_a_shrunk_image_is_continued_by_its_mirror_image(factor):
    column = np.tile(np.linspace(0, 1, 40, dtype=np.float32)[:, None], (1, 40))
    found = magnify(column, factor)[:, 20]
    edge = (1 - factor) * 40 / 2
    rim = int(edge)
    assert found.argmin() == pytest.approx(edge, abs=1)
    assert found.argmax() == pytest.approx(39 - edge, abs=1)
    assert (np.diff(found[: rim - 1]) < 0).all()
    assert (np.diff(found[rim + 2 : 38 - rim]) > 0).all()


def test_no_aliases_are_left_in_a_shrunk_image():
    stripes = np.indices((32, 32)).sum(axis=0) % 2
    shrunk = magnify(stripes.astype(np.float32), 0.5)
    assert np.ptp(shrunk[8:24, 8:24]) < 0.1


def test_a_factor_of_one_changes_nothing():
    image, labels = pixels(), np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    points = np.array([[-0.5, 3.25], [8.4, 13.4]])
    assert np.array_equal(magnify(image, 1.0), image)
    assert magnify(image, 1.0) is not image
    assert np.array_equal(magnify_labels(labels, 1.0), labels)
    assert np.array_equal(magnify_points(points, (HEIGHT, WIDTH), 1.0), points)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.4, 4), st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_no_intensity_leaves_the_range_of_the_image(factor, height, width, seed):
    image = pixels((height, width), seed)
    found = magnify(image, factor)
    assert found.shape == image.shape
    assert found.dtype == np.float32
    assert image.min() - 1e-5 <= found.min() <= found.max() <= image.max() + 1e-5


@pytest.mark.parametrize("factor", FACTORS)
def test_points_go_where_a_drawn_dot_goes(factor):
    shape, centre = (61, 80), np.array([[24.3, 47.6]])
    dot = disc(shape, centre[0], 4.0)
    moved = magnify_points(centre, shape, factor)[0]
    found = magnify(dot, factor)
    rows, columns = np.indices(shape)
    near = np.hypot(rows - moved[0], columns - moved[1]) < 4 * factor + 4
    weights = found * near
    centroid = [(weights * axis).sum() / weights.sum() for axis in (rows, columns)]
    np.testing.assert_allclose(moved, centroid, atol=0.1)


def test_points_that_leave_the_image_are_dropped():
    points = np.array([[4.0, 6.5], [0.0, 0.0], [4.0, 13.0]])
    assert magnify_points(points, (HEIGHT, WIDTH), 2.0).tolist() == [[4.0, 6.5]]
    assert magnify_points(no_points(), (HEIGHT, WIDTH), 0.5).shape == (0, 2)


@pytest.mark.parametrize(("factor", "cells"), [(0.8, 8), (0.9, 3), (0.5, 12)])
def test_mirrored_cells_are_marked_where_they_are_shown(factor, cells):
    shape = (60, 80)
    centres = np.array([[3.0, 40.0], [30.0, 74.5], [5.2, 6.1]])
    image = sum(disc(shape, centre, 1.5) for centre in centres)
    moved = magnify_points(centres, shape, factor)
    shown = magnify(image, factor)
    # At 0.8 two are mirrored once and that in the corner three times; at 0.9 the rim shows none.
    assert len(moved) == cells
    for row, column in moved:
        window = shown[round(row) - 1 : round(row) + 2, round(column) - 1 : round(column) + 2]
        assert window.max() > 0.3 * shown.max()


@pytest.mark.parametrize("factor", FACTORS)
def test_labels_are_a_loop_over_nearest_pixels(factor):
    labels = np.random.default_rng(1).integers(0, 5, (HEIGHT, WIDTH)).astype(np.uint16)
    found = magnify_labels(labels, factor)
    assert found.dtype == np.uint16
    cells = {}
    for r, c in np.ndindex(HEIGHT, WIDTH):
        places = [
            int(np.floor(place_before(place, side, factor) + 0.5))
            for place, side in ((r, HEIGHT), (c, WIDTH))
        ]
        label = labels[mirror(places[0], HEIGHT), mirror(places[1], WIDTH)]
        picture = (places[0] // HEIGHT, places[1] // WIDTH)
        if label == 0 or factor > 1:
            assert found[r, c] == label
        else:
            cells.setdefault((label, picture), set()).add(found[r, c])
    if factor < 1:
        numbers = [number for each in cells.values() for number in each]
        assert sorted(numbers) == list(range(1, len(cells) + 1))


@pytest.mark.parametrize("factor", [0.5, 0.67, 1.5])
def test_labels_and_points_tell_the_same(factor):
    shape = (60, 80)
    centres = np.array([[10.0, 12.0], [14.0, 60.0], [30.0, 40.0], [45.0, 66.0]])
    labels = np.zeros(shape, np.uint16)
    for number, centre in enumerate(centres, start=1):
        labels[disc(shape, centre, 3) > 0.5] = number
    moved = magnify_points(centres, shape, factor)
    found = centres_of_labels(magnify_labels(labels, factor))
    whole = [p for p in moved if (p > 4).all() and (p < np.array(shape) - 5).all()]
    assert whole
    for point in whole:
        assert np.hypot(*(found - point).T).min() < 0.5


def test_a_cell_never_shares_its_number_with_its_mirror_image():
    labels = np.zeros((20, 20), np.uint16)
    labels[:3, 8:12] = 9
    found = magnify_labels(labels, 0.8)
    numbers = np.unique(found[found > 0])
    assert numbers.tolist() == [1, 2]
    upper, lower = (np.argwhere(found == number) for number in numbers)
    assert upper[:, 0].max() + 1 == lower[:, 0].min()


@pytest.mark.parametrize("factor", [0.3, 0.0, -1.0, float("nan"), float("inf")])
def test_impossible_factors_are_refused(factor):
    with pytest.raises(InputError, match="magnification"):
        magnify(pixels(), factor)
    with pytest.raises(InputError, match="magnification"):
        magnify_labels(np.zeros((3, 3), int), factor)
    with pytest.raises(InputError, match="magnification"):
        magnify_points(no_points(), (3, 3), factor)


def test_stacks_are_refused():
    with pytest.raises(InputError, match="one plane"):
        magnify(pixels((3, 4, 5)), 2.0)
