import numpy as np
import torch

from adaptoscope.adaptation.distances import coral_distance, mean_discrepancy


def features(seed: int, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(2, 3, 8, 8, generator=generator) + shift


def test_coral_is_the_difference_of_covariances_and_means() -> None:
    one, other = features(0), features(1, shift=0.3, scale=1.7)
    rows = [each.permute(0, 2, 3, 1).reshape(-1, 3).numpy() for each in (one, other)]
    covariances = np.cov(rows[0].T, bias=True) - np.cov(rows[1].T, bias=True)
    means = rows[0].mean(0) - rows[1].mean(0)
    expected = (covariances**2).sum() / 9 + (means**2).mean()
    np.testing.assert_allclose(coral_distance(one, other).item(), expected, rtol=1e-4)


def test_the_mean_discrepancy_is_the_sum_over_pairs() -> None:
    one, other = features(2)[:, :, :3, :3], features(3, shift=0.5)[:, :, :3, :3]
    rows = [each.permute(0, 2, 3, 1).reshape(-1, 3).double().numpy() for each in (one, other)]
    together = np.concatenate(rows)
    squared = ((together[:, None] - together[None]) ** 2).sum(-1)
    scale, number = squared.mean(), len(rows[0])
    kernel = sum(np.exp(-squared / (width * scale)) for width in (0.25, 0.5, 1, 2, 4))
    expected = (
        kernel[:number, :number].mean()
        + kernel[number:, number:].mean()
        - 2 * kernel[:number, number:].mean()
    )
    np.testing.assert_allclose(mean_discrepancy(one, other).item(), expected, rtol=1e-4)


def test_equal_features_have_no_distance_and_further_ones_more() -> None:
    for measure in (coral_distance, mean_discrepancy):
        own = features(4)
        assert abs(measure(own, own).item()) < 1e-6
        distances = [measure(own, features(5, shift=shift)).item() for shift in (0.0, 0.5, 1.5)]
        assert distances == sorted(distances)


def test_maps_of_a_single_place_have_a_distance() -> None:
    one, other = torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1)
    assert coral_distance(one, other).item() == 1
    assert mean_discrepancy(one, one).item() == 0


def test_distances_can_be_made_smaller_from_any_start() -> None:
    for measure in (coral_distance, mean_discrepancy):
        found = features(6).clone()
        found[1] = found[0]
        found.requires_grad_(True)
        measure(features(7), found).backward()
        assert found.grad is not None
        assert torch.isfinite(found.grad).all()
        assert found.grad.abs().max() > 0
