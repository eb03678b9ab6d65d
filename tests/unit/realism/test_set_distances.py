import dataclasses

import numpy as np
import pytest

from adaptoscope.datasets.records import ImageRecord
from adaptoscope.datasets.tiles import Tile
from adaptoscope.images.windows import Window
from adaptoscope.realism.set_distances import (
    measure_against,
    measure_floor,
)
from adaptoscope.realism.settings import RealismSettings
from adaptoscope.realism.tile_measures import TileMeasures

QUICK = RealismSettings(resamples=20, halvings=3)
WINDOW = Window(0, 0, 32, 32)


def measures(images: int, seed: int, shift: float = 0.0, each: int = 4) -> TileMeasures:
    """Invented tiles; `shift` moves features, spectra, brightness and sharpness at once."""
    rng = np.random.default_rng(seed)
    rows = images * each
    level = np.array([300, 400], np.uint16) + np.uint16(round(100 * shift))
    number = np.array([50, 50], np.uint32)
    return TileMeasures(
        tiles=tuple(
            Tile(ImageRecord(f"images/{seed}_{n // each}.png"), WINDOW) for n in range(rows)
        ),
        cell_features=tuple(
            (rng.standard_normal((n % 3, 5)) + shift).astype(np.float32) for n in range(rows)
        ),
        features=(rng.standard_normal((rows, 6)) + shift).astype(np.float32),
        spectra=rng.standard_normal((rows, 8)) - 40 + shift,
        histograms=((level, number),) * rows,
        sharpness=tuple(0.2 * (1 + shift) + 0.01 * rng.standard_normal(5) for _ in range(rows)),
        cells_per_mpx=np.full(rows, 300.0),
        diameters=np.where(np.arange(rows) % 3, 12.0, np.nan),
    )


def test_a_set_of_another_look_is_far_in_every_measure() -> None:
    real, other = measures(10, 0), measures(10, 1, shift=2.0)
    near = measure_against("near", measures(10, 2), real, QUICK)
    far = measure_against("far", other, real, QUICK)
    assert far.kid.value > near.kid.value + 1
    assert far.cell_kid is not None
    assert near.cell_kid is not None
    assert far.cell_kid.value > abs(near.cell_kid.value) + 1
    assert far.spectrum.total == pytest.approx(2, abs=0.4)
    assert far.spectrum.total > near.spectrum.total
    assert far.histogram.wasserstein == pytest.approx(200 / 65535)
    assert far.histogram.relative == pytest.approx(200 / 50)
    assert near.histogram.wasserstein == 0
    assert far.sharpness.relative == pytest.approx(2, abs=0.1)
    assert far.auc is not None
    assert near.auc is not None
    assert far.auc.value > 0.95 > near.auc.value
    assert (far.name, far.images, far.tiles, far.diameter) == ("far", 10, 40, 12.0)


def test_the_floor_is_that_of_equal_sets() -> None:
    floor = measure_floor(measures(12, 0), QUICK)
    assert floor is not None
    assert abs(floor.kid.value) < 0.4
    assert floor.spectrum.total < 1
    assert floor.histogram.relative == 0
    assert floor.auc is not None
    assert floor.auc.value == pytest.approx(0.5, abs=0.2)
    assert floor.tiles == 24
    assert floor == measure_floor(measures(12, 0), QUICK)


def test_halves_share_no_image() -> None:
    """Tiles of one image are equal here: any shared image would make the halves look alike."""
    real = measures(8, 0)
    same = real.features.reshape(8, 4, -1)
    same[:] = same[:, :1] * 10
    floor = measure_floor(real, QUICK)
    assert floor is not None
    assert floor.kid.value > 10


def test_distance_at_cells_is_in_deviations_of_the_real_ones() -> None:
    real, made = measures(10, 0), measures(10, 1, shift=1.0)
    before = measure_against("made", made, real, QUICK).cell_kid
    for each in (*real.cell_features, *made.cell_features):
        each *= np.float32([1, 10, 100, 1000, 10])
        each += np.float32([0, 5, 0, 0, 0])
    after = measure_against("made", made, real, QUICK).cell_kid
    assert before is not None
    assert after is not None
    assert after.value == pytest.approx(before.value, rel=1e-3)


def test_a_feature_that_never_varies_is_left_out() -> None:
    real, made = measures(10, 0), measures(10, 1)
    for each in (*real.cell_features, *made.cell_features):
        each[:, 2] = 7
    found = measure_against("made", made, real, QUICK).cell_kid
    assert found is not None
    assert np.isfinite(found.value)


def test_without_cells_there_is_no_distance_at_cells() -> None:
    made = dataclasses.replace(measures(10, 1), cell_features=(np.zeros((0, 5), np.float32),) * 40)
    assert measure_against("made", made, measures(10, 0), QUICK).cell_kid is None


def test_few_images_have_no_floor_and_one_source_no_classifier() -> None:
    assert measure_floor(measures(3, 0), QUICK) is None
    entry = measure_against("one", measures(1, 1), measures(5, 0), QUICK)
    assert entry.auc is None
