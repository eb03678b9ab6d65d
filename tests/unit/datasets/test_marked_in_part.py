import warnings

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.label_checks import check_places
from adaptoscope.imageio.files import write_image, write_text

SHAPE = (128, 128)
ROW, COLUMN = np.indices(SHAPE)


def cells(seed, number=40, size=8.0, height=0.4):
    """Draw cells on a jittered grid, so that each can be seen; return pixels and centres."""
    generator = np.random.default_rng(seed)
    grid = np.array([(r, c) for r in range(9, 128, 16) for c in range(9, 128, 16)], float)
    centres = generator.permutation(grid)[:number] + generator.uniform(-3, 3, (number, 2))
    pixels = generator.normal(0.15, 0.02, SHAPE)
    for row, column in centres:
        distance = (ROW - row) ** 2 + (COLUMN - column) ** 2
        pixels += height * np.exp(-distance / (size / 2.5) ** 2)
    return np.clip(pixels, 0, 1), centres


def write_set(folder, images):
    """Write images and points, all of them listed; ``images`` are (pixels, points)."""
    names, rows = ["image"], ["image,x,y"]
    for number, (pixels, points) in enumerate(images):
        name = f"f{number}.png"
        write_image(folder / "images" / name, pixels)
        names.append(name)
        rows += [f"{name},{x},{y}" for y, x in points]
    write_text(folder / "split.csv", "\n".join(names) + "\n")
    write_text(folder / "points.csv", "\n".join(rows) + "\n")
    return open_counted_images(folder)


def said_of(images):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_places(images)
    return [str(each.message) for each in caught]


def test_images_marked_whole_are_not_spoken_of(tmp_path):
    assert said_of(write_set(tmp_path, [cells(seed) for seed in range(4)])) == []


@pytest.mark.parametrize("kept", [0, 1, 6])
def test_an_image_with_few_of_its_cells_marked_is_named(tmp_path, kept):
    images = [cells(seed) for seed in range(4)]
    images[2] = (images[2][0], images[2][1][:kept])
    (message,) = said_of(write_set(tmp_path, images))
    assert message.startswith("1 image(s)")
    assert f"f2.png ({kept} marked, " in message
    seen = int(message.split(" marked, ")[1].split()[0])
    assert 36 <= seen <= 42


def test_one_point_in_every_image_is_seen_too(tmp_path):
    images = [(pixels, centres[:1]) for pixels, centres in (cells(seed) for seed in range(6))]
    (message,) = said_of(write_set(tmp_path, images))
    assert message.startswith("6 image(s)")
    assert "f4.png" in message
    assert "and 1 more" in message


def test_half_the_cells_and_dimmer_ones_are_left_to_the_person(tmp_path):
    images = [cells(seed) for seed in range(4)]
    images[0] = (images[0][0], images[0][1][:20])
    dim, _ = cells(9, height=0.12)
    images[1] = (images[1][0] + dim - 0.15, images[1][1])
    assert said_of(write_set(tmp_path, images)) == []


def test_an_image_that_is_empty_or_mere_noise_may_have_no_cell(tmp_path):
    noise = np.random.default_rng(0).normal(0.5, 0.15, SHAPE).clip(0, 1)
    images = [*(cells(seed) for seed in range(4)), (noise, []), (np.full(SHAPE, 0.1), [])]
    assert said_of(write_set(tmp_path, images)) == []


def test_an_image_with_the_points_of_another_is_named(tmp_path):
    images = [cells(seed) for seed in range(6)]
    images[3] = (images[3][0], np.random.default_rng(99).uniform(4, 123, (40, 2)))
    (message,) = said_of(write_set(tmp_path, images))
    assert "points of 1 image(s)" in message
    assert "f3.png" in message


def test_an_image_with_larger_cells_than_the_others_is_not_accused(tmp_path):
    generator = np.random.default_rng(0)
    big, centres = cells(7, number=12, size=26.0)
    big += 0.1 * generator.normal(0, 1, SHAPE)
    images = [*(cells(seed) for seed in range(5)), (big.clip(0, 1), centres)]
    assert said_of(write_set(tmp_path, images)) == []


def test_nothing_is_said_where_points_are_on_nothing_clear(tmp_path):
    generator = np.random.default_rng(0)
    images = [(cells(seed)[0], generator.uniform(4, 120, (8, 2))) for seed in range(4)]
    assert said_of(write_set(tmp_path, images)) == []
