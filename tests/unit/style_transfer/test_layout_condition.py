import numpy as np
import torch

from adaptoscope.style_transfer.layout_condition import CHANNELS, layout_condition, layout_planes


def two_touching_squares() -> np.ndarray:
    labels = np.zeros((32, 32), np.uint16)
    labels[8:24, 4:16] = 1
    labels[8:24, 16:28] = 2
    return labels


def test_coverage_is_the_mask_and_depth_is_one_in_the_middle() -> None:
    labels = two_touching_squares()
    coverage, depth = layout_planes(labels)
    np.testing.assert_array_equal(coverage, labels > 0)
    assert depth.max() == 1.0
    assert (depth[labels == 0] == 0).all()


def test_touching_cells_are_kept_apart() -> None:
    _, depth = layout_planes(two_touching_squares())
    assert depth[16, 15] == 0.0
    assert depth[16, 16] == 0.0
    assert depth[16, 10] == 1.0


def test_an_empty_mask_has_empty_planes() -> None:
    assert not layout_planes(np.zeros((16, 16), np.uint16)).any()


def test_the_condition_keeps_the_mean_coverage() -> None:
    planes = torch.from_numpy(layout_planes(two_touching_squares()))[None]
    condition = layout_condition(planes, torch.tensor([True]))
    assert condition.shape == (1, CHANNELS, 4, 4)
    torch.testing.assert_close(condition[:, :4].mean(), planes[:, 0].mean())
    assert (condition[:, -1] == 1).all()


def test_a_withheld_layout_is_all_zero() -> None:
    planes = torch.ones(2, 2, 16, 16)
    condition = layout_condition(planes, torch.tensor([False, True]))
    assert not condition[0].any()
    assert (condition[1] == 1).all()
