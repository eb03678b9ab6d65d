"""What a counter can be, and what each kind is taught: one number for a crop, or a density."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from adaptoscope.counting.count_regressor import CountRegressor
from adaptoscope.counting.crops import CropBatch, TrainingImages
from adaptoscope.counting.density import density_of_centres
from adaptoscope.counting.fcrn_a import FcrnA
from adaptoscope.counting.kinds import kind_of_head
from adaptoscope.counting.settings import (
    AnyCountingSettings,
    CountingSettings,
    DensitySettings,
    RegressorSettings,
)
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.networks.geometry import CENTRES, FCRN_A
from adaptoscope.pretrained.bundled import bundled_weights
from adaptoscope.pretrained.encoders import load_encoder
from adaptoscope.pretrained.weights_files import read_weights

# Farther than any density reaches.
_FAR = -1.0e6
# A density is small everywhere; so that a loss of 1 is a large one, it is multiplied by this.
_DENSITY_SCALE = 100.0


class Head(Protocol):
    """A network together with what it is taught."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        ...

    def begin(self, images: Sequence[TrainingImages], settings: CountingSettings) -> None:
        """Prepare for a phase of training on these sets, each as often as the others."""
        ...

    def losses(self, output: torch.Tensor, batch: CropBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of a batch, and the mean absolute error of its crops in cells."""
        ...

    def counts(self, output: torch.Tensor) -> torch.Tensor:
        """Return the cells of each crop, shape (B,), that an output says."""
        ...


class RegressorHead:
    """One number for a crop (paper 1).

    Parameters
    ----------
    network
        Returns counts of shape (B,).
    loss
        As in `RegressorSettings`.
    """

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
        counts = batch.counts().to(output.device)
        error = (output - counts) / self.network.count_sd
        if self.loss == "huber":
            loss = functional.huber_loss(error, torch.zeros_like(error))
        elif self.loss == "poisson":
            loss = ((output - counts).square() / counts.clamp(min=1.0)).mean()
        else:
            loss = error.square().mean()
        return loss, (output.detach() - counts).abs().mean()

    def counts(self, output: torch.Tensor) -> torch.Tensor:
        """Return the output itself, shape (B,)."""
        return output


class DensityHead:
    """A density of cells.

    Parameters
    ----------
    network
        Returns cells per place, shape (B, 1, H / stride, W / stride).
    stride
        Pixels per place.
    loss
        As in `DensitySettings`.
    """

    def __init__(self, network: nn.Module, stride: int, loss: str) -> None:
        self.network = network
        self.stride = stride
        self.loss = loss

    def begin(self, images: Sequence[TrainingImages], settings: CountingSettings) -> None:
        """Do nothing: a density needs no constants of the set."""

    def losses(self, output: torch.Tensor, batch: CropBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Compare the density with one drawn from the cells, place by place."""
        wanted = (self.target(batch) if batch.density is None else batch.density).to(output.device)
        weights = None if batch.weights is None else batch.weights.to(output.device)
        error = (output.detach() - wanted).sum(dim=(1, 2, 3)).abs().mean()
        return self.loss_of(output, wanted, weights), error

    def counts(self, output: torch.Tensor) -> torch.Tensor:
        """Return the sum of each density, shape (B,)."""
        return output.sum(dim=(1, 2, 3))

    def target(self, batch: CropBatch) -> torch.Tensor:
        """Draw the density of a batch, shape (B, 1, H / stride, W / stride)."""
        side = batch.images.shape[-1] // self.stride
        return density_of_centres(_padded(batch), side, self.stride)

    def loss_of(
        self, output: torch.Tensor, wanted: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the loss of a density, whatever the wanted one was drawn from.

        Parameters
        ----------
        output, wanted
            Shape (B, 1, h, w), in cells per place.
        weights
            Of each place, of a shape that broadcasts; 1 if not given.
        """
        if self.loss == "poisson":
            loss = functional.poisson_nll_loss(output, wanted, log_input=False, reduction="none")
        elif self.loss == "huber":
            loss = functional.huber_loss(output, wanted, delta=0.05, reduction="none")
        else:
            loss = functional.mse_loss(output, wanted, reduction="none") * _DENSITY_SCALE
        return _DENSITY_SCALE * (loss if weights is None else loss * weights).mean()


def build_head(settings: AnyCountingSettings) -> Head:
    """Make the network of some settings, with the initial weights that were asked for.

    Raises
    ------
    MissingWeightsError
        If the weights are not on this machine and cannot be had.
    InputError
        If a file does not fit the network.
    SettingsError
        If there are no such weights for this head.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        head: Head = kind_of_head(settings.head).make("build", settings)
    head.network.to(memory_format=torch.channels_last)
    return head


def regressor_head(settings: RegressorSettings) -> RegressorHead:
    """Build EfficientNet-B0, or a file's encoder, with one output."""
    encoder = load_encoder(settings.init)
    network = CountRegressor(encoder, pooling=settings.pooling, crop=settings.crop)
    return RegressorHead(network, settings.loss)


def centres_head(settings: DensitySettings) -> DensityHead:
    """Build the small U-Net at half size."""
    return _density_head(settings, CentresNetwork(), CENTRES.stride)


def fcrn_a_head(settings: DensitySettings) -> DensityHead:
    """Build FCRN-A."""
    return _density_head(settings, FcrnA(), FCRN_A.stride)


def _density_head(settings: DensitySettings, network: nn.Module, stride: int) -> DensityHead:
    if settings.init == "imagenet":
        raise SettingsError(
            f"There are no ImageNet weights for the head {settings.head}.",
            expected="init nuclei, random, or a .safetensors file",
            found="imagenet",
            remedy="use the head regressor, or another start",
        )
    if settings.init != "random":
        path = _weights_file(settings.init)
        try:
            network.load_state_dict(read_weights(path))
        except RuntimeError as error:
            raise InputError(
                f"The weights {path} do not fit the head {settings.head}.",
                expected=f"weights of a counter with the head {settings.head}",
                found=" ".join(str(error).split())[:200],
                remedy="choose another file, or init random",
            ) from error
    return DensityHead(network, stride, settings.loss)


def _weights_file(init: str) -> Path:
    path = bundled_weights()["nuclei"] if init == "nuclei" else Path(init)
    return path / "weights.safetensors" if path.is_dir() else path


def _padded(batch: CropBatch) -> torch.Tensor:
    """Stack lists of centres of different length; what is filled up lies far away."""
    longest = max(1, *(len(points) for points in batch.points))
    stacked = torch.full((len(batch.points), longest, 2), _FAR)
    for row, points in zip(stacked, batch.points, strict=True):
        row[: len(points)] = torch.from_numpy(points)
    return stacked
