"""The counter of paper 1: EfficientNet-B0 says one number for a window, and windows are summed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from adaptoscope.counting.heads.kind import TrainedKind

if TYPE_CHECKING:
    import torch
    from torch import nn

    from adaptoscope.counting.count_regressor import CountRegressor
    from adaptoscope.counting.counters import NetworkCounter
    from adaptoscope.counting.crops import CropBatch, TrainingImages
    from adaptoscope.counting.model_folder import ModelRecord
    from adaptoscope.counting.settings import CountingSettings, RegressorSettings
    from adaptoscope.inference.network import Network


class Regressor(TrainedKind):
    """EfficientNet-B0 with one output (paper 1)."""

    head = "regressor"
    kind = "count_regressor"
    gives = "number"
    needs = (*TrainedKind.needs, "pooling")

    def settings(self) -> type[RegressorSettings]:
        """Return `RegressorSettings`."""
        from adaptoscope.counting.settings import RegressorSettings

        return RegressorSettings

    def network(
        self, record: ModelRecord | None = None, encoder: nn.Module | None = None
    ) -> nn.Module:
        """Build it on the encoder that it began with, or on the one that its weights belong to."""
        from adaptoscope.counting.count_regressor import CountRegressor
        from adaptoscope.networks.nuclei_encoder import LiteEncoder, NucleiEncoder

        pooling, crop = (record.pooling, record.crop) if record else (None, None)
        begun = record.init if record else None
        encoder = encoder or (LiteEncoder() if begun == "imagenet_lite" else NucleiEncoder())
        return CountRegressor(encoder, pooling=pooling or "mean", crop=crop or 0)

    def head_to_train(self, settings: RegressorSettings) -> RegressorHead:
        """Build it on the encoder that the settings name."""
        from adaptoscope.counting.count_regressor import CountRegressor
        from adaptoscope.pretrained.encoders import load_encoder

        encoder = load_encoder(settings.init)
        network = CountRegressor(encoder, pooling=settings.pooling, crop=settings.crop)
        return RegressorHead(network, settings.loss)

    def counter(self, record: ModelRecord, network: Network) -> NetworkCounter:
        """Sum the counts of windows."""
        from adaptoscope.counting.counters import NetworkCounter

        return NetworkCounter(
            network,
            crop=record.crop or 0,
            intensity=record.fixed_range,
            diameter_px=record.diameter_px,
        )


class RegressorHead:
    """A regressor and its loss, which is one of `RegressorSettings`."""

    def __init__(self, network: CountRegressor, loss: str) -> None:
        self.network = network
        self.loss = loss

    def begin(self, images: Sequence[TrainingImages], settings: CountingSettings) -> None:
        """Standardise counts as those of the images' crops."""
        found = np.array([each.count_statistics(settings.crop, settings.seed) for each in images])
        means, deviations = found.T
        variance = np.square(deviations).mean() + means.var()
        self.network.standardise(float(means.mean()), float(np.sqrt(variance)))

    def losses(self, output: torch.Tensor, batch: CropBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Compare counts, in deviations of the counts of the training crops."""
        from torch.nn import functional

        counts = batch.counts().to(output.device)
        error = (output - counts) / self.network.count_sd
        if self.loss == "huber":
            loss = functional.huber_loss(error, error.new_zeros(error.shape))
        elif self.loss == "poisson":
            loss = ((output - counts).square() / counts.clamp(min=1.0)).mean()
        else:
            loss = error.square().mean()
        return loss, (output.detach() - counts).abs().mean()

    def counts(self, output: torch.Tensor) -> torch.Tensor:
        """Return the output itself, shape (B,)."""
        return output
