"""Distances between features of two domains that need no discriminator."""

import torch

# Observations that a batch is thinned to, as the kernel grows with their square; widths around
# their median distance, as usual for this loss.
_POINTS = 1024
_BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


def coral_distance(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return how far covariances and means of the channels lie apart.

    Of features of shape (B, C, h, w), every place is one observation: squared Frobenius norm of the
    difference of covariances over C squared (Sun and Saenko, 2016, but for their factor 1/4), plus
    the mean squared difference of the means.
    """
    one, other = _observations(source), _observations(target)
    # A single observation has a covariance of 0, not an undefined one.
    covariances = torch.cov(one.T, correction=0) - torch.cov(other.T, correction=0)
    means = one.mean(0) - other.mean(0)
    return covariances.square().mean() + means.square().mean()


def mean_discrepancy(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the squared maximum mean discrepancy of the observations (Gretton et al., 2012).

    Of features of shape (B, C, h, w), every place is one observation, of which at most 1024, evenly
    spaced, are looked at. Biased estimate with a sum of Gaussian kernels around the mean squared
    distance.
    """
    one, other = _thin(_observations(source)), _thin(_observations(target))
    together = torch.cat([one, other])
    squared = torch.cdist(together, together).square()
    scale = squared.detach().mean().clamp(min=1e-12)
    kernel = sum(torch.exp(-squared / (width * scale)) for width in _BANDWIDTHS)
    if not isinstance(kernel, torch.Tensor):
        raise TypeError("a sum of kernels is a tensor")
    number = len(one)
    within = kernel[:number, :number].mean() + kernel[number:, number:].mean()
    return within - 2 * kernel[:number, number:].mean()


def _observations(features: torch.Tensor) -> torch.Tensor:
    return features.movedim(1, -1).reshape(-1, features.shape[1])


def _thin(observations: torch.Tensor) -> torch.Tensor:
    return observations[:: max(1, len(observations) // _POINTS)][:_POINTS]
