import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.imageio import large_images
from adaptoscope.web.pixels import TILE, OpenedImages, channels_of


def reduced(values, level):
    """Means over 2^level x 2^level pixels, the last row and column repeated, step by step."""
    for _ in range(level):
        values = np.pad(values, ((0, values.shape[0] % 2), (0, values.shape[1] % 2)), mode="edge")
        height, width = values.shape
        values = np.rint(
            values.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3), dtype=np.float32)
        )
    return values


def image(folder, shape, seed=0, **options):
    pixels = np.random.default_rng(seed).integers(0, 60000, shape).astype(np.uint16)
    path = folder / "a.tif"
    tifffile.imwrite(path, pixels, **options)
    return path, pixels


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 900), st.integers(1, 900), st.data())
def test_every_tile_is_that_part_of_the_image(tmp_path_factory, height, width, data):
    path, pixels = image(tmp_path_factory.mktemp("a"), (height, width))
    opened = OpenedImages().open(path, None, None)
    facts = opened.facts()
    assert (facts.height, facts.width, facts.largest) == (height, width, 65535)
    level = data.draw(st.integers(0, facts.levels - 1))
    whole = reduced(pixels, level)
    row = data.draw(st.integers(0, (whole.shape[0] - 1) // TILE))
    column = data.draw(st.integers(0, (whole.shape[1] - 1) // TILE))
    expected = np.zeros((TILE, TILE))
    part = whole[row * TILE :, column * TILE :][:TILE, :TILE]
    expected[: part.shape[0], : part.shape[1]] = part
    np.testing.assert_array_equal(opened.tile(level, row, column), expected)
    assert whole.shape[0] <= TILE * 2 or level < facts.levels - 1


def test_a_large_image_is_read_in_parts_and_gives_the_same_tiles(tmp_path, monkeypatch):
    path, pixels = image(tmp_path, (3000, 2600), tile=(256, 256))
    small = OpenedImages().open(path, None, None)
    monkeypatch.setattr(large_images, "WHOLE_PIXELS", 1000)
    large = OpenedImages().open(path, None, None)
    assert not isinstance(large.plane, np.ndarray)
    for level, row, column in [(0, 3, 2), (1, 1, 1), (2, 2, 2), (3, 0, 0), (4, 0, 0)]:
        there = large.tile(level, row, column).astype(int)
        # Means of means are rounded at each step.
        assert np.abs(there - small.tile(level, row, column)).max() <= 2
    assert large.tile(0, 3, 2)[0, 0] == pixels[768, 512]


def test_an_image_of_8_bits_keeps_its_range(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((40, 30), 7, np.uint8))
    opened = OpenedImages().open(tmp_path / "a.tif", None, None)
    assert opened.facts().largest == 255
    assert opened.tile(0, 0, 0)[0, 0] == 7


def test_a_channel_is_chosen_and_not_guessed(tmp_path):
    pixels = np.stack([np.full((40, 30), value, np.uint16) for value in (5, 900)])
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": "CYX"})
    assert channels_of(tmp_path / "a.ome.tif") == 2
    with pytest.raises(InputError, match="channel"):
        OpenedImages().open(tmp_path / "a.ome.tif", None, None)
    assert OpenedImages().open(tmp_path / "a.ome.tif", 1, None).tile(0, 0, 0)[0, 0] == 900


def test_a_file_that_changed_is_read_again(tmp_path):
    images = OpenedImages()
    path, _ = image(tmp_path, (30, 30))
    before = images.open(path, None, None)
    assert images.open(path, None, None) is before
    path.write_bytes(b"no image")
    with pytest.raises(InputError):
        images.open(path, None, None)
