"""Networks that draw a density of cells: the small U-Net at half size, and FCRN-A."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adaptoscope.counting.heads.kind import TrainedKind
from adaptoscope.networks.geometry import CENTRES, FCRN_A, Geometry

if TYPE_CHECKING:
    import torch
    from torch import nn

    from adaptoscope.counting.crops import CropBatch, TrainingImages
    from adaptoscope.counting.density_counter import DensityCounter
    from adaptoscope.counting.model_folder import ModelRecord
    from adaptoscope.counting.post_processing import DensityReading
    from adaptoscope.counting.settings import CountingSettings, DensitySettings
    from adaptoscope.inference.network import Network

# Farther than any density reaches.
_FAR = -1.0e6
# A density is small everywhere; so that a loss of 1 is a large one, it is multiplied by this.
_DENSITY_SCALE = 100.0
# Errors of a density from about a third of the peak of one cell are large ones.
_HUBER = 0.05


class DensityKind(TrainedKind):
    """A network whose density says where cells are; a kind of its own adds names and network."""

    gives = "density"
    needs = (*TrainedKind.needs, "working_diameter_px")
    geometry: Geometry
    """How its density lies on images."""

    def settings(self) -> type[DensitySettings]:
        """Return `DensitySettings`."""
        from adaptoscope.counting.settings import DensitySettings

        return DensitySettings

    def head_to_train(self, settings: DensitySettings) -> DensityHead:
        """Build the network, with the weights that it begins with."""
        network = self.network()
        _begin_as(network, settings)
        return DensityHead(network, self.geometry.stride, settings.loss)

    def usual_reading(self, settings: DensitySettings) -> DensityReading:
        """Return the default, with peaks or the sum as the settings say."""
        from adaptoscope.counting.post_processing import DensityReading

        return DensityReading(count=settings.count)

    def counter(self, record: ModelRecord, network: Network) -> DensityCounter:
        """Read the peaks of a density."""
        from adaptoscope.counting.density_counter import DensityCounter

        return DensityCounter(
            network,
            geometry=self.geometry,
            working_diameter=record.working_diameter_px or 0.0,
            diameter_px=record.diameter_px,
            intensity=record.fixed_range,
            span=record.fixed_span,
            reading=record.reading,
        )


class Centres(DensityKind):
    """A small U-Net at half size (ours), the default."""

    head = "centres"
    geometry = CENTRES

    def network(
        self, record: ModelRecord | None = None, encoder: nn.Module | None = None
    ) -> nn.Module:
        """Build it."""
        from adaptoscope.networks.centres_network import CentresNetwork

        return CentresNetwork()


class FcrnA(DensityKind):
    """Xie, Noble and Zisserman (2018)."""

    head = "fcrn_a"
    geometry = FCRN_A

    def network(
        self, record: ModelRecord | None = None, encoder: nn.Module | None = None
    ) -> nn.Module:
        """Build it."""
        from adaptoscope.counting.fcrn_a import FcrnA as Network

        return Network()


class DensityHead:
    """A density network and its loss.

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
        from adaptoscope.counting.density import density_of_centres

        side = batch.images.shape[-1] // self.stride
        return density_of_centres(_padded(batch), side, self.stride)

    def loss_of(
        self, output: torch.Tensor, wanted: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the loss of a density, shape (B, 1, h, w), each place with its weight."""
        from torch.nn import functional

        if self.loss == "poisson":
            loss = functional.poisson_nll_loss(output, wanted, log_input=False, reduction="none")
        elif self.loss == "huber":
            loss = functional.huber_loss(output, wanted, delta=_HUBER, reduction="none")
        else:
            loss = functional.mse_loss(output, wanted, reduction="none") * _DENSITY_SCALE
        return _DENSITY_SCALE * (loss if weights is None else loss * weights).mean()


def _begin_as(network: nn.Module, settings: DensitySettings) -> None:
    """Give a network the weights that its settings name."""
    from adaptoscope.errors import InputError, SettingsError
    from adaptoscope.pretrained.bundled import bundled_weights
    from adaptoscope.pretrained.weights_files import read_weights

    if settings.init == "random":
        return
    if settings.init in ("imagenet", "imagenet_lite"):
        raise SettingsError(
            f"There are no ImageNet weights for the head {settings.head}.",
            expected="init nuclei, random, or a .safetensors file",
            found=settings.init,
            remedy="use the head regressor, or another start",
        )
    path = bundled_weights()["nuclei"] if settings.init == "nuclei" else Path(settings.init)
    path = path / "weights.safetensors" if path.is_dir() else path
    try:
        network.load_state_dict(read_weights(path))
    except RuntimeError as error:
        raise InputError(
            f"The weights {path} do not fit the head {settings.head}.",
            expected=f"weights of a counter with the head {settings.head}",
            found=" ".join(str(error).split())[:200],
            remedy="choose another file, or init random",
        ) from error


def _padded(batch: CropBatch) -> torch.Tensor:
    """Stack lists of centres of different length; what is filled up lies far away."""
    import torch

    longest = max(1, *(len(points) for points in batch.points))
    stacked = torch.full((len(batch.points), longest, 2), _FAR)
    for row, points in zip(stacked, batch.points, strict=True):
        row[: len(points)] = torch.from_numpy(points)
    return stacked
