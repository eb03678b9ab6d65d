"""EfficientNet-B0 with one output: the number of cells in a crop (paper 1)."""

import copy
from typing import Self

import torch
from torch import nn

from adaptoscope.networks.nuclei_encoder import FEATURES

# Of EfficientNet-B0: five halvings.
_STRIDE = 32


class CountRegressor(nn.Module):
    """Encoder, global pooling and one linear output in standardised counts.

    Parameters
    ----------
    encoder
        Maps (B, 1, H, W) to a feature map (B, C, h, w).
    pooling
        ``mean`` over the feature map, or ``sum`` divided by the number of features of a crop, so
        that both begin alike.
    crop
        Side, in pixels, of the crops that the network is trained on.
    """

    count_mean: torch.Tensor
    count_sd: torch.Tensor

    def __init__(
        self, encoder: nn.Module, *, pooling: str, crop: int, features: int = FEATURES
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.nominal_places = (-(-crop // _STRIDE)) ** 2
        self.head = nn.Linear(features, 1)
        nn.init.normal_(self.head.weight, std=1e-3)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("count_mean", torch.zeros(()))
        self.register_buffer("count_sd", torch.ones(()))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Return the number of cells of each crop.

        Parameters
        ----------
        crops
            Shape (B, 1, H, W), normalised: background near 0, cells near 1.

        Returns
        -------
        torch.Tensor
            Shape (B,), in cells; not clipped, so that errors of windows can cancel in a sum.
        """
        features = self.encoder(crops)
        if self.pooling == "sum":
            pooled = features.sum(dim=(2, 3)) / self.nominal_places
        else:
            pooled = features.mean(dim=(2, 3))
        standardised: torch.Tensor = self.head(pooled)[:, 0]
        return standardised * self.count_sd + self.count_mean

    def for_any_window(self) -> Self:
        """Return it with mean pooling: as good over a whole crop, and fit for other windows."""
        other = copy.copy(self)
        other.pooling = "mean"
        return other

    @torch.no_grad()
    def standardise(self, mean: float, sd: float) -> None:
        """Take over the mean and deviation of the counts to come without forgetting any.

        The function that the network computes stays the same: weights and bias are rescaled by
        what the constants change. An untrained head, whose weights mean nothing yet, is left as
        it is and so begins at ``mean``.

        Parameters
        ----------
        mean, sd
            Of the counts of the crops of the phase that begins, in cells; ``sd`` above 0.
        """
        if bool(self.count_sd != 1.0) or bool(self.count_mean != 0.0):
            self.head.bias.mul_(self.count_sd).add_(self.count_mean - mean).div_(sd)
            self.head.weight.mul_(self.count_sd / sd)
        self.count_mean.fill_(mean)
        self.count_sd.fill_(sd)
