import numpy as np
import pytest
import torch

from adaptoscope.translation.crops import draw_given, draw_pairs
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities

UNIT = IntensityInterval(low=0.0, high=1.0)
HALF = IntensityInterval(low=0.0, high=0.5)


def field(stored: np.ndarray, stains: np.ndarray | None = None, name: str = "a") -> Field:
    return Field(name, stored, stains, 16, ())


def numbered(height: int, width: int, first: int = 0) -> np.ndarray:
    """Return a field in which no two pixels are alike, so that crops say where they were cut."""
    return (first + np.arange(height * width).reshape(height, width)).astype(np.uint16)


def counts(crops: torch.Tensor) -> np.ndarray:
    return np.rint((crops.numpy() + 1) / 2 * 65535).astype(np.uint16)


def test_without_flips_a_crop_is_a_window_of_its_field() -> None:
    stored = numbered(20, 30)
    drawn = draw_given(
        [field(stored)], UNIT, np.random.default_rng(0), batch=20, crop=8, flips=False
    )
    corners = set()
    for (crop,) in counts(drawn):
        row, column = divmod(int(crop[0, 0]), 30)
        np.testing.assert_array_equal(crop, stored[row : row + 8, column : column + 8])
        corners.add((row, column))
    assert len(corners) > 15


def test_with_flips_all_eight_ways_are_drawn_and_no_other() -> None:
    stored = numbered(8, 8)
    turned = [np.rot90(plane, k) for plane in (stored, stored[:, ::-1]) for k in range(4)]
    drawn = counts(draw_given([field(stored)], UNIT, np.random.default_rng(1), batch=80, crop=8))
    found = {
        next(k for k, way in enumerate(turned) if np.array_equal(way, crop[0])) for crop in drawn
    }
    assert found == set(range(8))


def test_a_field_that_is_smaller_than_a_crop_goes_on_as_its_mirror_image() -> None:
    stored = numbered(3, 5)
    (crop,) = counts(
        draw_given([field(stored)], UNIT, np.random.default_rng(2), batch=1, crop=8, flips=False)
    )
    assert set(crop[0].ravel()) == set(stored.ravel())
    # Neighbours in the crop are neighbours in the field, or one pixel twice at its border.
    rows, columns = crop[0].astype(int) // 5, crop[0].astype(int) % 5
    assert np.abs(np.diff(rows, axis=0)).max() <= 1
    assert np.abs(np.diff(columns, axis=1)).max() <= 1
    assert (np.diff(rows, axis=1) == 0).all()


def test_every_field_is_as_likely_whatever_its_size() -> None:
    fields = [field(numbered(8, 8)), field(numbered(40, 40, first=1000))]
    drawn = counts(draw_given(fields, UNIT, np.random.default_rng(3), batch=200, crop=8))
    assert 70 < sum(crop.max() >= 1000 for crop in drawn) < 130


def test_a_stain_is_cut_and_turned_as_its_image_and_clipped_at_its_range() -> None:
    stored = numbered(16, 16, first=30000)
    # One stain is the image, the other twice as bright, beyond what becomes 1.
    bright = (2 * stored.astype(int)).clip(max=65535).astype(np.uint16)
    fields = [field(stored, np.stack([stored, bright]))]
    intensities = StainIntensities(bit_depth=16, given=UNIT, stains={"same": UNIT, "over": HALF})
    pairs = draw_pairs(fields, intensities, np.random.default_rng(4), batch=10, crop=8)
    assert pairs.given.shape == (10, 1, 8, 8)
    assert pairs.stains.shape == (10, 2, 8, 8)
    np.testing.assert_array_equal(counts(pairs.stains[:, :1]), counts(pairs.given))
    assert (pairs.stains[:, 1] == 1).all()


def test_given_images_are_not_clipped() -> None:
    drawn = draw_given(
        [field(numbered(8, 8, first=60000))], HALF, np.random.default_rng(5), batch=1, crop=8
    )
    assert drawn.min() > 2.6


def test_pairs_need_stains_that_were_read() -> None:
    intensities = StainIntensities(bit_depth=16, given=UNIT, stains={"dna": UNIT})
    with pytest.raises(ValueError, match="stains of cells were not read"):
        draw_pairs(
            [field(numbered(8, 8), name="cells")],
            intensities,
            np.random.default_rng(6),
            batch=1,
            crop=8,
        )
