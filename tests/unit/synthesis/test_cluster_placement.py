import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.synthesis.cluster_placement import AttemptStream, Placement, assign_evenly
from adaptoscope.synthesis.settings import SynthesisSettings


@given(st.integers(0, 2000), st.integers(1, 9))
def test_cells_are_assigned_evenly(cells, clusters):
    assigned = assign_evenly(cells, clusters)
    assert sum(assigned) == cells
    assert max(assigned) - min(assigned) <= 1
    assert assigned == sorted(assigned, reverse=True)


def test_the_stream_does_not_depend_on_the_size_of_blocks():
    def collect(sizes):
        stream = AttemptStream(np.random.default_rng(3))
        parts = []
        for size in sizes:
            uniform, normal = stream.peek(size)
            parts.append(np.hstack([uniform, normal]))
            stream.advance(size)
        return np.concatenate(parts)

    assert np.array_equal(collect([700, 300, 1000]), collect([1] * 10 + [1990]))


def test_peeking_leaves_numbers_in_place():
    stream = AttemptStream(np.random.default_rng(0))
    assert np.array_equal(stream.peek(5)[0], stream.peek(9)[0][:5])


@pytest.mark.parametrize("limit", [0.05, 0.1, 0.5])
def test_the_overlap_rule_holds_for_every_cell(limit):
    settings = SynthesisSettings(height=96, width=96, largest_overlap=limit, attempts_per_cell=20)
    placement = Placement(settings, AttemptStream(np.random.default_rng(1)), 20.0)
    placed = placement.fill_cluster((48.0, 48.0), 60)
    mask = placement.mask()
    assert placed == len(placement.centres) == mask.max() > 10
    # The part of a cell that the mask gives to earlier ones is its overlap.
    own = np.bincount(mask.ravel(), minlength=placed + 1)[1:]
    smallest = np.pi * 6 * 6 * 0.3
    assert own.min() > smallest * (1 - limit)


def test_a_cluster_gives_up():
    settings = SynthesisSettings(height=32, width=32, attempts_per_cell=3)
    placement = Placement(settings, AttemptStream(np.random.default_rng(0)), 4.0)
    assert 0 < placement.fill_cluster((16.0, 16.0), 50) < 50


def test_composite_takes_the_brighter():
    settings = SynthesisSettings(height=64, width=64, intensity_range=(100, 100))
    placement = Placement(settings, AttemptStream(np.random.default_rng(0)), 8.0)
    placement.fill_cluster((32.0, 32.0), 5)
    background = np.full((64, 64), 150, dtype=np.float32)
    assert np.array_equal(placement.composite(background), background)
    inside = placement.composite(np.zeros((64, 64), dtype=np.float32))
    assert set(np.unique(inside)) == {0, 100}
    assert np.array_equal(inside > 0, placement.mask() > 0)
