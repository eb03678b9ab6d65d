import numpy as np
import pytest
import torch

from adaptoscope.training.field_faults import FAULTS, paint_faults


@pytest.mark.parametrize("fault", FAULTS, ids=[each.__name__ for each in FAULTS])
def test_every_fault_changes_crops_and_keeps_their_shape(fault):
    rng = np.random.default_rng(0)
    crop = rng.normal(0.2, 0.3, (64, 64)).astype(np.float32)
    before = crop.copy()

    painted = [fault(crop, rng) for _ in range(20)]

    assert all(each.shape == crop.shape and np.isfinite(each).all() for each in painted)
    assert any(not np.array_equal(each, crop) for each in painted)
    assert np.array_equal(crop, before)


def test_a_share_of_the_crops_is_painted_within_the_normalised_range():
    images = torch.rand(200, 1, 64, 64)

    painted = paint_faults(images, 0.3, np.random.default_rng(1))

    changed = (painted != images).flatten(1).any(1).float().mean()
    assert 0.2 < changed < 0.4
    assert painted.min() >= -1
    assert painted.max() <= 4


def test_nothing_is_painted_where_the_share_is_0():
    images = torch.rand(4, 1, 64, 64)

    assert torch.equal(paint_faults(images, 0.0, np.random.default_rng(0)), images)
