import numpy as np
import pytest
import torch
from torchmetrics.image.kid import KernelInceptionDistance, poly_mmd

from adaptoscope.metrics.kernel_distance import kernel_distance

WIDTH = 5


class AsTheyAre(torch.nn.Module):
    """Features that are their own images, as torchmetrics wants a network."""

    num_features = WIDTH

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows.flatten(1)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((30, WIDTH)), rng.standard_normal((30, WIDTH)) + 0.7


def test_one_row_an_image_agrees_with_torchmetrics(pair: tuple[np.ndarray, np.ndarray]) -> None:
    ours = kernel_distance(*pair, (range(30), range(30)), seed=0, resamples=5)
    theirs = poly_mmd(torch.from_numpy(pair[0]), torch.from_numpy(pair[1]))
    assert ours is not None
    assert ours.value == pytest.approx(float(theirs), rel=1e-9)


def test_all_pairs_are_the_mean_of_many_subsets(pair: tuple[np.ndarray, np.ndarray]) -> None:
    metric = KernelInceptionDistance(feature=AsTheyAre(), subsets=400, subset_size=20)
    for rows, real in zip(pair, (True, False), strict=True):
        metric.update(torch.from_numpy(rows).float()[:, :, None, None], real=real)
    torch.manual_seed(0)
    mean, sd = (float(value) for value in metric.compute())
    ours = kernel_distance(*pair, (range(30), range(30)), seed=0, resamples=5)
    assert ours is not None
    assert ours.value == pytest.approx(mean, abs=4 * sd / 20)
