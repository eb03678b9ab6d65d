import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.synthesis.generate import draw_count, draw_synthetic
from adaptoscope.synthesis.settings import SynthesisSettings

SMALL = SynthesisSettings(height=96, width=80, count_mean=15, count_sd=5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_label_is_the_number_of_listed_centres(seed):
    drawn = draw_synthetic(SMALL, np.random.default_rng(seed))
    assert drawn.count == len(drawn.points) == drawn.mask.max() <= drawn.requested
    assert 3 <= len(drawn.cluster_centres) <= 7
    rows, columns = np.floor(drawn.points + 0.5).astype(int).T
    assert np.all(drawn.dots()[rows, columns] == 255)
    assert np.count_nonzero(drawn.dots()) <= drawn.count


def test_six_hundred_cells_do_not_fit():
    crowded = SynthesisSettings(count_mean=600, count_sd=0, attempts_per_cell=10)
    drawn = draw_synthetic(crowded, np.random.default_rng(0))
    assert drawn.requested == 600
    assert 120 < drawn.count < 300


def test_clamping_gives_many_single_cells_and_resampling_none():
    rng = np.random.default_rng(0)
    clamped = np.array([draw_count(SynthesisSettings(), rng) for _ in range(20_000)])
    resample = SynthesisSettings(count_rule="resample")
    resampled = np.array([draw_count(resample, rng) for _ in range(20_000)])
    assert np.mean(clamped == 1) == pytest.approx(0.093, abs=0.01)
    assert clamped.mean() == pytest.approx(124, abs=2)
    assert np.mean(resampled == 1) < 0.01
    assert resampled.min() >= 1


def test_measured_densities_set_the_count():
    measured = SynthesisSettings(cells_per_mpx_quantiles=(0.0, 1000.0, 2000.0))
    rng = np.random.default_rng(0)
    counts = [draw_count(measured, rng) for _ in range(2000)]
    assert min(counts) == 0
    assert np.mean(counts) == pytest.approx(1000 * 256 * 256e-6, rel=0.05)


def test_sixteen_bits_use_stored_counts():
    deep = SMALL.changed(bit_depth=16, intensity_range=(2000, 3000), background_sd=20.0)
    drawn = draw_synthetic(deep, np.random.default_rng(0))
    assert drawn.stored.dtype == np.uint16
    assert 1500 < drawn.stored.max() < 3700
    assert drawn.pixels.max() == pytest.approx(drawn.stored.max() / 65535)


def test_no_cell_leaves_the_canvas():
    for outside in ("reject", "clip"):
        drawn = draw_synthetic(SMALL.changed(outside=outside), np.random.default_rng(2))
        assert np.all(drawn.points >= -0.5)
        assert np.all(drawn.points < np.array([95.5, 79.5]))
